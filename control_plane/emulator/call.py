"""What the REST API's parts share: a call, its envelope, bodies, and pages of lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
from starlette.responses import JSONResponse, Response
from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder

from control_plane.emulator.limits import INVALID_REQUEST, NO_ENDPOINT, Refusal

Body = TypeVar("Body")
Item = TypeVar("Item")

#: Parts of one form; a worker may be of many modules.
MAX_PARTS = 1000


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One request: the parts of its path after what has been routed by, and its whole body.

    `client` is what Cloudflare calls the source of an upload: `wrangler`, or `api` for any other.
    """

    method: str
    path: tuple[str, ...]
    query: dict[str, str]
    content_type: str
    body: bytes
    client: str

    def below(self, count: int) -> Call:
        """Return the call as it looks after `count` parts of its path."""
        return msgspec.structs.replace(self, path=self.path[count:])

    def json(self, type: type[Body]) -> Body:
        """Return the body; refuse one that is not JSON of that shape."""
        return decoded(self.body, type)

    def parts(self) -> list[Part]:
        """Return the parts of a form; refuse another body."""
        kind, options = parse_options_header(self.content_type)
        if kind != "multipart/form-data":
            raise Refusal(f"Expected multipart/form-data, not {kind or 'nothing'}.")
        return form_parts(self.body, options.get("boundary", ""))


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a form."""

    name: str
    filename: str | None
    content_type: str
    content: bytes


def form_parts(body: bytes, boundary: str, code: int = INVALID_REQUEST) -> list[Part]:
    """Return the parts of a form; refuse a malformed one with `code`."""
    parts: list[Part] = []
    heading: Field | File | None = None
    content = bytearray()
    try:
        decoder = MultipartDecoder(boundary.encode("latin-1"), max_parts=MAX_PARTS)
        decoder.receive_data(body)
        decoder.receive_data(None)
        while not isinstance(event := decoder.next_event(), Epilogue):
            if isinstance(event, Field | File):
                heading, content = event, bytearray()
            elif isinstance(event, Data) and heading is not None:
                content += event.data
                if not event.more_data:
                    parts.append(_part(heading, bytes(content)))
    except ValueError as error:
        raise Refusal(f"malformed form: {error}", code=code) from error
    return parts


def _part(heading: Field | File, content: bytes) -> Part:
    return Part(
        name=heading.name,
        filename=heading.filename if isinstance(heading, File) else None,
        content_type=heading.headers.get("content-type", "").partition(";")[0].strip(),
        content=content,
    )


def decoded(body: bytes, type: type[Body]) -> Body:
    """Return what JSON says; refuse what is none or of another shape."""
    try:
        return msgspec.json.decode(body, type=type)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refusal(f"malformed body: {error}", code=INVALID_REQUEST) from error


def no_endpoint() -> Refusal:
    """Return the refusal of a path or method that the API does not have."""
    return Refusal("endpoint does not exist", 404, NO_ENDPOINT)


def success(result: Any, info: dict[str, Any] | None = None) -> Response:
    """Return the envelope of what went well."""
    envelope = {"success": True, "errors": [], "messages": [], "result": result}
    return JSONResponse(envelope | ({"result_info": info} if info is not None else {}))


def failure(message: str, status: int, code: int, headers: dict[str, str]) -> Response:
    """Return the envelope of a refusal."""
    errors = [{"code": code, "message": message}]
    body = {"success": False, "errors": errors, "messages": [], "result": None}
    return JSONResponse(body, status, headers)


def page_of(
    items: Sequence[Item], query: dict[str, str], per_page: int, most: int
) -> tuple[list[Item], dict[str, Any]]:
    """Return a page of a list by `page` and `per_page`, and where it stands among the pages."""
    page = _number(query.get("page", "1"), 2**31, "page")
    per_page = _number(query.get("per_page", str(per_page)), most, "per_page")
    shown = list(items[(page - 1) * per_page : page * per_page])
    info = {
        "page": page,
        "per_page": per_page,
        "count": len(shown),
        "total_count": len(items),
        "total_pages": -(-len(items) // per_page),
    }
    return shown, info


#: What KV answers for a page or page size that is no number in range.
MALFORMED = {"page": 10007, "per_page": 10008}


def _number(text: str, largest: int, name: str) -> int:
    if text.isdecimal() and 1 <= int(text) <= largest:
        return int(text)
    raise Refusal(f"malformed {name} argument", code=MALFORMED[name])
