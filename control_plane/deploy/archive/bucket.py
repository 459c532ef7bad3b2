"""Objects in S3, or in a store that speaks its API: conditional writes, and the store's clock."""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import msgspec

from control_plane.errors import InputError, PlatformError
from control_plane.settings import Project

#: Objects a deletion names at once, by S3's API.
MAX_DELETE = 1000
THREADS = 16
#: Targets that no other machine sees.
OF_THIS_MACHINE = ("local", "folder")
#: What a conditional write that lost answers: the object is another by now, or being written.
LOST = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")
MISSING = ("NoSuchKey", "404")

REMEDIES = {
    "AccessDenied": "The credentials lack a permission on this prefix (docs/deploy.md, Archive).",
    "NoSuchBucket": "Make the bucket, or mend archive.url.",
    "ExpiredToken": "Renew the credentials and run the command again.",
    "InvalidAccessKeyId": "Check the credentials in the environment or in ~/.aws.",
    "SignatureDoesNotMatch": "Check the credentials in the environment or in ~/.aws.",
}
OTHERWISE = (
    "Run the command again when it answers. FRONTSHELF_ARCHIVE_URL= (empty) does without the "
    "archive and its lock."
)


class Object(msgspec.Struct, frozen=True):
    """A stored object: its bytes, and the tag that names just these."""

    value: bytes
    etag: str


class Listed(msgspec.Struct, frozen=True):
    """An object's key, and when it was written by the store's clock (epoch seconds)."""

    key: str
    at: float


class Bucket:
    """The objects below a prefix. Verbs raise PlatformError when the store refuses or is silent."""

    def __init__(
        self, url: str, endpoint: str = "", clock: Callable[[], float] = time.time
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme != "s3" or not parts.netloc:
            raise InputError(
                f"{url!r} is not an archive",
                field="archive.url",
                remedy="Write s3://BUCKET/PREFIX.",
            )
        self._url = url
        self._bucket, self._prefix = parts.netloc, parts.path.strip("/")
        self._client = _client(endpoint)
        self._clock = clock
        self._ahead = 0.0

    def __repr__(self) -> str:
        return self._url

    def now(self) -> float:
        """Return the time by the store's clock, as of its last answer (epoch seconds)."""
        return self._clock() + self._ahead

    def get(self, key: str) -> Object | None:
        """Return an object, or None when there is none."""
        answer = self._call("get_object", key, none=MISSING)
        return None if answer is None else Object(answer["Body"].read(), answer["ETag"])

    def put(self, key: str, value: bytes) -> None:
        """Write an object, whatever was there."""
        self._call("put_object", key, Body=value)

    def put_all(self, pairs: Iterable[tuple[str, bytes]]) -> None:
        """Write objects in any order, several at once."""
        with ThreadPoolExecutor(THREADS) as pool:
            for _done in pool.map(lambda pair: self.put(*pair), pairs):
                pass

    def put_new(self, key: str, value: bytes) -> str | None:
        """Write an object where there is none; return its tag, None where there is one."""
        answer = self._call("put_object", key, none=LOST, Body=value, IfNoneMatch="*")
        return None if answer is None else str(answer["ETag"])

    def replace(self, key: str, value: bytes, etag: str) -> str | None:
        """Write over the object of that tag; return the new tag, None when it is another by now."""
        answer = self._call("put_object", key, none=(*LOST, *MISSING), Body=value, IfMatch=etag)
        return None if answer is None else str(answer["ETag"])

    def delete_many(self, keys: Iterable[str]) -> None:
        """Delete objects; those that are not there are no errors."""
        every = sorted(keys)
        for start in range(0, len(every), MAX_DELETE):
            named = [{"Key": self._path(key)} for key in every[start : start + MAX_DELETE]]
            answer = self._call("delete_objects", None, Delete={"Objects": named, "Quiet": True})
            for error in (answer or {}).get("Errors", []):
                raise PlatformError(f"{self!r}: {error['Key']}: {error['Message']} {OTHERWISE}")

    def list(self, prefix: str) -> Iterator[Listed]:
        """Yield the objects whose keys start with `prefix`, ascending."""
        whole = self._path(prefix)
        more: dict[str, Any] = {}
        while True:
            answer = self._call("list_objects_v2", None, Prefix=whole, **more) or {}
            for one in answer.get("Contents", []):
                key = one["Key"].removeprefix(self._path(""))
                yield Listed(key, one["LastModified"].timestamp())
            if not answer.get("IsTruncated"):
                return
            more = {"ContinuationToken": answer["NextContinuationToken"]}

    def _path(self, key: str) -> str:
        return f"{self._prefix}/{key}" if self._prefix else key

    def _call(
        self, verb: str, key: str | None, none: tuple[str, ...] = (), **given: Any
    ) -> dict[str, Any] | None:
        """Call the API; None for the error codes in `none`."""
        from botocore.exceptions import BotoCoreError, ClientError

        place = {"Key": self._path(key)} if key is not None else {}
        try:
            answer: dict[str, Any] = getattr(self._client, verb)(
                Bucket=self._bucket, **place, **given
            )
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            self._set_clock(error.response)
            if code in none:
                return None
            said = error.response.get("Error", {}).get("Message", "")
            remedy = REMEDIES.get(code, OTHERWISE)
            raise PlatformError(f"{self!r}: {key or verb}: {code}: {said}\n  {remedy}") from error
        except BotoCoreError as error:
            raise PlatformError(f"{self!r}: {key or verb}: {error}\n  {OTHERWISE}") from error
        self._set_clock(answer)
        return answer

    def _set_clock(self, answer: dict[str, Any]) -> None:
        date = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
        if date:
            self._ahead = parsedate_to_datetime(date).timestamp() - self._clock()


def open_bucket(project: Project) -> Bucket | None:
    """Return the project's archive, None when it has none; raise InputError for a wrong address."""
    archive = project.settings.archive
    return _opened(archive.url, archive.endpoint) if archive.url else None


def state_key(project: Project, target: str, name: str) -> str:
    """Return where the archive keeps something of a target's state.

    A target of this machine alone is another one on each machine and in each project directory.
    """
    if target in OF_THIS_MACHINE:
        place = f"{socket.gethostname()}:{project.root}"
        target = f"{target}-{hashlib.sha256(place.encode()).hexdigest()[:8]}"
    return f"targets/{target}/{name}"


@cache
def _opened(url: str, endpoint: str) -> Bucket:
    return Bucket(url, endpoint)


def _client(endpoint: str) -> Any:
    import boto3
    from botocore.config import Config

    session = boto3.session.Session()
    config = Config(
        retries={"mode": "standard", "max_attempts": 5},
        connect_timeout=5,
        read_timeout=30,
        max_pool_connections=THREADS,
        # Stores other than Amazon's seldom have a host name a bucket.
        s3={"addressing_style": "path" if endpoint else "auto"},
    )
    region = session.region_name or "us-east-1"
    return session.client("s3", endpoint_url=endpoint or None, region_name=region, config=config)
