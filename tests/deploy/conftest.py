"""A toy project, releases of a few bytes, and a key-value API in memory that can die."""

import base64
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import unquote

import httpx
import msgpack
import msgspec
import pytest
from s3 import empty_bucket, serve_s3

from control_plane.deploy.cloudflare.kv import CloudflareKV
from control_plane.deploy.head import Head, parse
from control_plane.deploy.retry import Retry
from control_plane.envelope import MANIFEST, seal, unpack
from control_plane.keyring import load_signing_key, make_keys
from control_plane.settings import Archive, Project, Settings, Shop
from control_plane.tables import FORMAT, digest, value_key

NAMESPACE = "/client/v4/accounts/acct/storage/kv/namespaces/ns1/"


class Killed(BaseException):
    """Stands for SIGKILL: nothing of the deployment catches it."""


class MemoryKV:
    """Cloudflare's KV API over a dict; `die_at` kills at that request, before or after it."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.log: list[str] = []
        self.die_at: int | None = None
        self.die = "before"
        self.on_write: Callable[[], None] = lambda: None

    def transport(self) -> httpx.MockTransport:
        """Return what an httpx client can be given."""
        return httpx.MockTransport(self._handle)

    def writes(self) -> list[str]:
        """Return the writing requests so far."""
        return [line for line in self.log if not line.startswith("GET")]

    def kills(self, work: Callable[[], object]) -> bool:
        """Do the work; say whether it was killed."""
        try:
            work()
        except Killed:
            return True
        return False

    def _handle(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix(NAMESPACE)
        dies = len(self.log) == self.die_at
        if dies and self.die == "before":
            raise Killed
        self.log.append(f"{request.method} {path}")
        answer = self._answer(request.method, path, request, half=dies and self.die == "half")
        if request.method != "GET":
            self.on_write()
        if dies:
            raise Killed
        return answer

    def _answer(self, method, path, request, half=False) -> httpx.Response:
        if path == "keys":
            prefix = request.url.params["prefix"]
            names = sorted(key for key in self.values if key.startswith(prefix))
            return _json({"result": [{"name": name} for name in names]})
        if path == "bulk":
            pairs = json.loads(request.content)
            for pair in pairs[: len(pairs) // 2] if half else pairs:
                self.values[pair["key"]] = base64.b64decode(pair["value"])
            return _json({"result": {"unsuccessful_keys": []}})
        if path == "bulk/delete":
            for key in json.loads(request.content):
                self.values.pop(key, None)
            return _json({"result": {}})
        key = unquote(path.removeprefix("values/"))
        if method == "PUT":
            self.values[key] = request.content
            return _json({"result": {}})
        if key in self.values:
            return httpx.Response(200, content=self.values[key])
        errors = [{"code": 10009, "message": "get: 'key not found'"}]
        return httpx.Response(404, json={"success": False, "errors": errors})


def _json(body: dict) -> httpx.Response:
    return httpx.Response(200, json={"success": True, "errors": [], **body})


@pytest.fixture
def memory() -> MemoryKV:
    return MemoryKV()


@pytest.fixture
def new_memory() -> type[MemoryKV]:
    return MemoryKV


@pytest.fixture
def connect():
    """Connect a client to a MemoryKV."""
    clients = []

    def connected(memory: MemoryKV) -> CloudflareKV:
        retry = Retry(sleep=lambda seconds: None)
        base = "https://kv.test/client/v4"
        client = CloudflareKV(
            base, "t0ken", "acct", "ns1", retry=retry, transport=memory.transport()
        )
        clients.append(client)
        return client

    yield connected
    for client in clients:
        client.close()


@pytest.fixture
def target(memory, connect) -> CloudflareKV:
    return connect(memory)


@pytest.fixture
def project(tmp_path) -> Project:
    """The shop `toys` in `dev`, with keys."""
    root = tmp_path / "project"
    make_keys(root / "keys")
    return Project(root=root, settings=Settings(shop=Shop(name="toys", environment="dev")))


@pytest.fixture
def build(project, tmp_path) -> Callable[..., Path]:
    """Make a build folder of values, as the compiler would: `build("a", items=[b"..", ..])`."""

    def built(name: str, items: list[bytes], visitors: Sequence[bytes] = (), **changes) -> Path:
        folder = tmp_path / f"build-{name}"
        (folder / "values").mkdir(parents=True)
        values = {value_key("i", item): item for item in items}
        rules = {"slots": {"home.hero": {}, "home.strip": {}}}
        body = msgpack.packb(
            {
                "format": FORMAT,
                "kind": "manifest",
                "name": name,
                "values": list(values),
                "items": {"digests": b"".join(digest(item)[:16] for item in items)},
                "visitors": {"digests": b"".join(digest(row)[:16] for row in visitors)},
                "rules": rules,
            }
        )
        values |= {value_key("u", row): row for row in visitors}
        key = load_signing_key(project.keys, "release")
        manifest = seal(MANIFEST, "toys", "dev", body, key)
        values[value_key("m", manifest)] = manifest
        for value, data in values.items():
            (folder / "values" / value).write_bytes(data)
        listed = [
            {"key": value, "bytes": len(data), "kind": "visitors" if value[0] == "u" else "items"}
            for value, data in values.items()
        ]
        facts = {
            "release": name,
            "manifest": value_key("m", manifest),
            "digest": digest(manifest).hex(),
            "format": FORMAT,
            "shop": "toys",
            "environment": "dev",
            "model_time": "2026-01-01T00:00:00Z",
            "values": listed,
            "bytes_by_kind": {},
            **changes,
        }
        (folder / "release.json").write_text(json.dumps(facts))
        return folder

    return built


@pytest.fixture
def live(project) -> Callable[[dict[str, bytes]], Head | None]:
    """Return a function that reads the head of stored values, and fails on a broken shelf."""
    key = load_signing_key(project.keys, "head").public_key()

    def read(values: dict[str, bytes]) -> Head | None:
        if "head" not in values:
            return None
        head = parse(values["head"], "toys", "dev", [key])
        for named in filter(None, (head.live, head.previous, head.canary)):
            manifest = values[named.manifest]
            assert digest(manifest) == named.digest
            for value in msgpack.unpackb(unpack(manifest).body)["values"]:
                assert value_key("i", values[value]) == value
        return head

    return read


@pytest.fixture(scope="session")
def s3_server():
    with serve_s3() as url:
        yield url


@pytest.fixture
def client(s3_server, monkeypatch):
    """A bucket without objects, and credentials in the environment."""
    with empty_bucket(s3_server, monkeypatch) as client:
        yield client


@pytest.fixture
def archive(s3_server, client) -> Archive:
    """The settings of an archive in that bucket."""
    return Archive(url="s3://shelf/toys", endpoint=s3_server)


@pytest.fixture
def elsewhere(project, tmp_path) -> Project:
    """Another machine: the keys, and neither a build nor records."""
    root = tmp_path / "elsewhere"
    root.mkdir()
    (root / "keys").symlink_to(project.keys)
    return msgspec.structs.replace(project, root=root)
