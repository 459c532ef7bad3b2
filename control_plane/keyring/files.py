"""Files of keys: readable by their owner only, each written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from control_plane.errors import InputError, WorkError


def read_private(file: Path) -> bytes:
    """Return a key's file; raise InputError when there is none."""
    try:
        return file.read_bytes()
    except FileNotFoundError as error:
        raise InputError(
            "no such key", file=file, remedy="Run 'frontshelf init' to make missing keys."
        ) from error
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", file=file) from error


def write_private(file: Path, content: bytes) -> None:
    """Write a file that only its owner can read; raise WorkError when it cannot be."""
    partial = file.with_name(f"{file.name}.partial")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(file)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise WorkError(f"{file}: cannot be written ({error.strerror}).") from error


def load_text(folder: Path, name: str) -> str:
    """Read the secret `cookie.secret` or `api.token` as text."""
    return read_private(folder / name).decode("ascii").strip()
