"""Reads JSON with comments and trailing commas, as wrangler's configuration is written."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from control_plane.errors import InputError

_STRING = r'"(?:\\.|[^"\\\n])*"'
_COMMENT = re.compile(rf"({_STRING})|//[^\n]*|/\*.*?\*/", re.DOTALL)
_TRAILING_COMMA = re.compile(rf"({_STRING})|,(?=\s*[}}\]])")


def parse_jsonc(text: str, file: str | Path) -> Any:
    """Return what `text` holds; raise InputError with the line of the first mistake."""
    plain = _TRAILING_COMMA.sub(_keep_string, _COMMENT.sub(_keep_string, text))
    try:
        return json.loads(plain)
    except json.JSONDecodeError as error:
        raise InputError(
            f"not valid JSON with comments: {error.msg}",
            file=file,
            line=error.lineno,
            remedy="Names and strings stand in double quotes; check the line before it too.",
        ) from error


def line_of_key(text: str, key: str) -> int | None:
    """Return the line on which `key` first stands as a name."""
    found = re.search(rf'"{re.escape(key)}"\s*:', text)
    return text.count("\n", 0, found.start()) + 1 if found else None


def _keep_string(match: re.Match[str]) -> str:
    # What is cut out leaves its line breaks, so that lines of errors stay right.
    if match.group(1) is not None:
        return match.group(1)
    return " " + "\n" * match.group(0).count("\n")
