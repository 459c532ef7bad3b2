"""The local CDN's API of a project: that of the running `dev`, or one started for the moment."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import msgspec

from control_plane.emulator.account import ACCOUNT
from control_plane.emulator.miniflare import STORE_FILE
from control_plane.emulator.options import namespace_id
from control_plane.emulator.rest import BASE, RestApi
from control_plane.emulator.server import ServerThread
from control_plane.emulator.store import Namespace, Store
from control_plane.errors import PlatformError
from control_plane.settings import Project

BINDING = "SHELF"
TOKEN_FILE, RUNNING_FILE = "api.token", "dev.json"
ANSWER_SECONDS = 2.0


class LocalApi(msgspec.Struct, frozen=True):
    """Where the local CDN's API is, and what opens it."""

    base_url: str
    token: str
    account_id: str
    namespace_id: str


class Running(msgspec.Struct, frozen=True):
    """A running edge, as it says in `.local/dev.json`."""

    pid: int
    url: str
    api_url: str


@contextmanager
def local_api(project: Project) -> Iterator[LocalApi]:
    """Yield the API of the running `dev`, else of a server that lives as long as the context.

    Both write the same store, which the next `dev` serves from.
    """
    token = project_token(project)
    running = read_running(project.local / RUNNING_FILE)
    if running and _answers(running, token):
        yield LocalApi(running.api_url, token, ACCOUNT, namespace_id(BINDING))
        return
    store = Store(project.local / STORE_FILE)
    try:
        store.add_namespace(Namespace(namespace_id(BINDING), f"frontshelf-{BINDING}"))
        server = ServerThread(RestApi(store, token))
        try:
            yield LocalApi(server.url + BASE, token, ACCOUNT, namespace_id(BINDING))
        finally:
            server.close()
    finally:
        store.close()


def project_token(project: Project) -> str:
    """Return the project's token for its local API, made at its first use."""
    file = private_folder(project.local) / TOKEN_FILE
    try:
        if not file.exists():
            fresh = file.with_name(f".{TOKEN_FILE}.{os.getpid()}")
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as stream:
                stream.write(secrets.token_urlsafe(32))
            # Linking never replaces a token that another process has made meanwhile.
            with suppress(FileExistsError):
                os.link(fresh, file)
            fresh.unlink()
        return file.read_text(encoding="ascii").strip()
    except OSError as error:
        raise PlatformError(f"cannot keep a token in {file}: {error.strerror}") from error


def private_folder(folder: Path) -> Path:
    """Make a folder that others cannot read, unless it is there."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise PlatformError(f"cannot make {folder}: {error.strerror}") from error
    return folder


def read_running(file: Path) -> Running | None:
    """Return what the file of a running edge says, or None."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=Running)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _answers(running: Running, token: str) -> bool:
    try:
        os.kill(running.pid, 0)
        with httpx.Client(trust_env=False, timeout=ANSWER_SECONDS) as client:
            response = client.get(
                f"{running.api_url}/user/tokens/verify",
                headers={"Authorization": f"Bearer {token}"},
            )
        return response.is_success
    except (ProcessLookupError, PermissionError, httpx.HTTPError):
        return False
