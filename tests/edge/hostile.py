"""Requests that no well-meaning client sends, drawn from a seed."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

from raw_client import Request

#: Stands in every text; unescaped in a page it would be markup of the visitor's making.
MARK = "<fsx onload=1>"
SLOTS = ["home.hero", "home.recommended", "home.test", "product.alike", "empty.slot"]
POISON = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "valueOf"]
OURS = ["fs_id", "fs_u", "fs_s", "fs_c", "fs_exp", "fs_", "fs_preview", "fs___proto__"]
PAGES = ["/", "/p/shoe-1", "/p/hat-2?utm_source=a", "/plain"]
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE", "PROPFIND", "TRACE"]
#: Texts on which a careless pattern would go back and forth for ever.
SLOW_TEXTS = [
    "a" * 20_000 + "!",
    "android " * 2_000,
    "1." + "0" * 8 + "." + "0" * 3_000,
    " " * 20_000 + ";",
    ", " * 8_000 + "fs_x",
    "%" * 6_000,
    "1.personalization" + "+personalization" * 800,
    "vshoe-1~" * 900,
    "=" * 10_000,
]
ELSEWHERE = [
    "//evil.example/x", "/\\evil.example", "/\\/evil.example", "///evil.example/",
    "/%2f%2fevil.example", "/%5cevil.example", "/.//evil.example", "/x/..//evil.example",
    "/@evil.example", "/:80/", "/http://evil.example/", "/%68ttp://evil.example",
    "/..%2f..%2fetc", "/%00", "/%0d%0aX-Injected:1", "/a;b=c", "/a%20b", "/%e4", "/%zz",
    "/;@evil.example", "/#@evil.example", "/.well-known/../x", "/_fs/../x", "/_fs/%2e%2e/x",
    "/_fs//slot/home.hero", "/_fs\\slot\\home.hero", "/%5ffs/health", "/_fs/v1/../../x",
    "/_fs/v1/%2e%2e%2fadmin", "/_fs/v1/@evil.example", "/_fs/v1//evil.example",
    "http://evil.example/", "http://evil.example/_fs/health", "https://evil.example:8443/p",
]  # fmt: skip


class Enemy:
    """Draws hostile requests; the same seed draws the same ones."""

    def __init__(self, seed: int, signed_user: str = "") -> None:
        self.draw = random.Random(seed)
        self.signed_user = signed_user

    def requests(self, count: int) -> Iterator[Request]:
        """Yield so many, of every kind."""
        kinds: list[Callable[[], Request]] = [
            self.page,
            self.slot,
            self.slot,
            self.decide,
            self.decide,
            self.events,
            self.flags,
            self.elsewhere,
            self.odd_method,
        ]
        for number in range(count):
            yield kinds[number % len(kinds)]()

    def page(self) -> Request:
        """Ask for a page, with headers that lie."""
        target = self.pick(PAGES)
        if self.often():
            sign = "&" if "?" in target else "?"
            target += f"{sign}{quote(self.text(300))}={quote(self.text(300))}"
        return Request(b"GET", target.encode(), self.headers())

    def slot(self) -> Request:
        """Ask for a fragment, of slots that are not and items that cannot be."""
        name = (
            self.pick(SLOTS) if self.often() else quote(self.text(120), safe=self.pick(["", "/"]))
        )
        query = "&".join(
            f"{self.pick(['item', 'category', 'item[]', *POISON])}={quote(self.text(400))}"
            for _ in range(self.draw.randrange(4))
        )
        return Request(b"GET", f"/_fs/slot/{name}?{query}".encode(), self.headers())

    def decide(self) -> Request:
        """Ask for decisions with a body that claims anything."""
        body: Any = {
            "slots": [self.pick(SLOTS), {"name": self.pick(SLOTS), "limit": self.value(1)}]
        }
        for field in ("slots", "page", "visitor", "device", "session", "attributes", "consent"):
            if not self.often():
                body[field] = self.value(3)
        if self.often():
            body["page"] = {"item": self.text(200), "category": self.text(200)}
        if self.often():
            body["session"] = {"events": [{"event": "view", "item": self.text(30)}] * 3}
        return self.post(b"/_fs/decide", body)

    def events(self) -> Request:
        """Send events in other people's names."""
        call = {"type": "track", "event": self.value(0), "userId": "anna", "anonymousId": "D" * 22}
        call |= {self.key(): self.value(3), "context": self.value(2)}
        body = {"batch": [call] * self.draw.randrange(3)} if self.often() else self.value(3)
        path = self.pick(["batch", "track", "page", "x/../..", "__proto__", quote(self.text(20))])
        return self.post(f"/_fs/v1/{path}".encode(), body)

    def flags(self) -> Request:
        """Evaluate flags that are not, for people who are not."""
        key = "" if self.often() else f"/{quote(self.text(60))}"
        context = {"targetingKey": self.value(0), self.key(): self.value(3), "page": self.value(1)}
        body = {"context": context if self.often() else self.value(2)}
        return self.post(f"/ofrep/v1/evaluate/flags{key}".encode(), body)

    def elsewhere(self) -> Request:
        """Try to reach what is behind or beside the shop."""
        target = self.pick(ELSEWHERE).encode()
        host = self.pick(["evil.example", "shop.example:99", "127.0.0.1", "[::1]", "SHOP.example."])
        hosts = () if self.often() else ((b"Host", host.encode()),)
        forwarded = (b"X-Forwarded-Host", b"evil.example"), (b"X-Original-URL", b"/_fs/health")
        return Request(self.pick([b"GET", b"HEAD"]), target, (*hosts, *forwarded))

    def odd_method(self) -> Request:
        """Use a method that a path does not take."""
        paths = ["/", "/_fs/decide", "/_fs/slot/home.hero", "/_fs/health", "/_fs/sdk.js", "/_fs/"]
        paths += ["/ofrep/v1/evaluate/flags", "/_fs/v1/batch", "/.well-known/gpc.json", "/_fs"]
        body = self.text(50).encode() if self.often() else b""
        return Request(self.pick(METHODS).encode(), self.pick(paths).encode(), self.headers(), body)

    def post(self, path: bytes, body: Any) -> Request:
        """Send a body, of whatever type it says it is, at times broken."""
        kinds = ["application/json", "text/plain", "text/html", "multipart/form-data", ";;", ""]
        headers = (*self.headers(), (b"Content-Type", self.pick(kinds).encode()))
        raw = json.dumps(body, ensure_ascii=self.often()).encode("utf-8", "surrogatepass")
        match self.draw.randrange(12):
            case 0:
                raw = raw[: self.draw.randrange(len(raw) + 1)]
            case 1:
                raw = b"[" * self.draw.choice([10, 5_000, 60_000])
            case 2:
                raw = b'{"slots":' + b'{"a":' * 9_000 + b"1" + b"}" * 9_000 + b"}"
            case 3:
                raw = raw.replace(b'"', b'"\xff\xfe', 1)
            case 4:
                raw = b'{"slots":["home.hero"],"slots":"x","__proto__":{"slots":["home.hero"]}}'
            case 5:
                raw = b'{"slots":["home.hero"],"page":1e999,"limit":-0,"x":' + b"9" * 5_000 + b"}"
            case 6:
                raw = b" " * 70_000 + raw
        return Request(b"POST", path, headers, raw)

    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """Draw headers; some twice, some huge."""
        found = [(b"Accept", b"text/html"), (b"Cookie", self.cookies())]
        for name in ("User-Agent", "Referer", "Authorization", "If-None-Match", "Frontshelf-User"):
            if self.draw.random() < 0.15:
                found.append((name.encode(), self.line(self.text(3_000))))
        if self.draw.random() < 0.1:
            found.append(
                (b"Authorization", self.pick([b"Bearer a-token", b"Bearer ", b"Bearer \xff"]))
            )
        if self.draw.random() < 0.1:
            found += [(b"Sec-GPC", self.pick([b"1", b"0", b"1, 1"])), (b"Cookie", self.cookies())]
        if self.draw.random() < 0.1:
            found.append((b"CF-IPCountry", self.line(self.text(40))))
        return tuple(found)

    def cookies(self) -> bytes:
        """Draw cookies: good, malformed, stolen, doubled."""
        now = int(time.time())
        good = [
            f"fs_c=1.personalization+analytics.{now}",
            "fs_c=1.none.1",
            "fs_id=" + "E" * 22,
            f"fs_s=1.{'0' * 6}.zzzzzz.1.0.0.v{quote(self.text(40))}",
            "cart=1",
            f"fs_u={self.signed_user}",
        ]
        parts = [self.pick(good) for _ in range(self.draw.randrange(5))]
        for _ in range(self.draw.randrange(3)):
            parts.append(f"{self.pick(OURS)}={self.text(2_500)}")
        self.draw.shuffle(parts)
        return self.line(self.pick(["; ", ";", ", ", ";;; "]).join(parts))

    def value(self, depth: int) -> Any:
        """Draw a JSON value of any type."""
        match self.draw.randrange(9 if depth else 6):
            case 0:
                return self.text(200)
            case 1:
                return self.pick([0, -1, 1.5, 1e308, 2**53, -(2**63), 10**40])
            case 2:
                return self.pick([None, True, False])
            case 3:
                return self.pick(["home.hero", "shoe-1", "0123456789abcdef", "D" * 22])
            case 4:
                return self.pick(POISON)
            case 5:
                return ""
            case 6:
                return [self.value(depth - 1) for _ in range(self.draw.randrange(5))]
            case _:
                return {self.key(): self.value(depth - 1) for _ in range(self.draw.randrange(5))}

    def key(self) -> str:
        """Draw a name of a field."""
        known = ["segments", "country", "item", "event", "events", "personalization", "traits"]
        return self.pick([*POISON, *known, self.text(20)])

    def text(self, longest: int) -> str:
        """Draw a text with markup in it."""
        match self.draw.randrange(8):
            case 0:
                return self.pick(POISON)
            case 1:
                return self.pick(SLOW_TEXTS)[:longest]
            case 2:
                return f"\"'/>{MARK}&lt;{{{{title}}}}"[:longest]
            case 3:
                return "shoe-1\r\nX-Injected: 1\r\n\r\n" + MARK
            case 4:
                return "".join(chr(self.draw.randrange(1, 0x2FF)) for _ in range(20))
            case 5:
                return "😀\u202e\ufeff\u0000" * 3
            case 6:
                return self.pick(["../" * 9, "%2e%2e%2f", "%00", "%", "\\\\evil.example", "null"])
        return MARK

    def line(self, text: str) -> bytes:
        """Return what of a text can stand in a header, as UTF-8 or as single bytes."""
        raw = text.encode(self.pick(["utf-8", "latin-1"]), "replace")
        return bytes(byte for byte in raw if byte not in b"\r\n\0").strip()

    def pick(self, choices: Any) -> Any:
        """Draw one."""
        return self.draw.choice(choices)

    def often(self) -> bool:
        """Say yes three times of four."""
        return self.draw.random() < 0.75
