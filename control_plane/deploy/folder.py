"""A target that is a folder: one file a key, for tests, archives and hand-carried releases."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from control_plane.deploy.target import KEY, Pair, checked_key
from control_plane.errors import PlatformError


class Folder:
    """Keep values as files of `root`, which is made when missing."""

    name = "folder"

    def __init__(self, root: Path) -> None:
        self._root = root
        try:
            root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PlatformError(f"{root}: cannot be a target folder ({error.strerror}).") from error

    def __repr__(self) -> str:
        return f"Folder({str(self._root)!r})"

    def get(self, key: str) -> bytes | None:
        """Return a value, or None when there is none."""
        try:
            return (self._root / checked_key(key)).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _failure("read", self._root / key, error) from error

    def put(self, key: str, value: bytes) -> None:
        """Write one value; whoever reads meanwhile sees the old one or the new one."""
        file = self._root / checked_key(key)
        partial = file.with_name(f"{key}.partial")
        try:
            with partial.open("wb") as stream:
                stream.write(value)
                stream.flush()
                os.fsync(stream.fileno())
            partial.replace(file)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise _failure("write", file, error) from error

    def put_many(self, pairs: Iterable[Pair]) -> None:
        """Write values one by one."""
        for key, value in pairs:
            self.put(key, value)

    def delete_many(self, keys: Iterable[str]) -> None:
        """Delete keys one by one."""
        for key in keys:
            (self._root / checked_key(key)).unlink(missing_ok=True)

    def keys(self, prefix: str = "") -> Iterator[str]:
        """Yield the keys that start with `prefix`, ascending."""
        # A write that was cut short leaves `KEY.partial`, which is no key.
        names = (entry.name for entry in os.scandir(self._root) if entry.is_file())
        yield from sorted(name for name in names if name.startswith(prefix) and KEY.fullmatch(name))


def _failure(verb: str, file: Path, error: OSError) -> PlatformError:
    return PlatformError(f"{file}: cannot {verb} the value ({error.strerror}).")
