"""Reads a shelf's template: markup around `{{#items}}` … `{{/items}}` and fields of a card.

`{{field}}` is the escaped field; `{{#field}}` … `{{/field}}` stands only where the field does.
A subset of Mustache (mustache(5)), compiled to a flat list that the worker walks once a card.
"""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import Any

from control_plane.errors import InputError, suggest

FIELDS = ("sku", "title", "url", "image", "price", "category")
_TAG = re.compile(r"\{\{([#/]?)([a-z]+)\}\}")


def load_template(name: str, project_templates: Path) -> dict[str, Any]:
    """Return a compiled template: the project's own of that name, else the built-in one."""
    own = project_templates / f"{name}.html"
    if own.is_file():
        return compile_template(own.read_text(encoding="utf-8").strip(), own)
    built_in = files(__name__).joinpath(f"{name}.html")
    if not built_in.is_file():
        raise InputError(
            f"no template {name!r}", file=own, remedy="Write that file, or use 'product-strip'."
        )
    return compile_template(built_in.read_text(encoding="utf-8").strip(), Path(name))


def compile_template(text: str, file: Path) -> dict[str, Any]:
    """Return {"before", "card", "after"}; `card` alternates literals and [operation, field]."""
    pieces = re.split(r"\{\{[#/]items\}\}", text)
    if len(pieces) != 3:
        raise InputError(
            "no card in the template", file=file, remedy="Put it in {{#items}} … {{/items}}."
        )
    before, card, after = pieces
    return {"before": before, "card": _compile_card(card, file), "after": after}


def _compile_card(card: str, file: Path) -> list[Any]:
    parts: list[Any] = []
    open_fields: list[str] = []
    end = 0
    for match in _TAG.finditer(card):
        parts.append(card[end : match.start()])
        end = match.end()
        kind, field = match.groups()
        if field not in FIELDS:
            raise InputError(f"unknown field {{{{{field}}}}}", file=file, remedy=_known(field))
        if kind == "#":
            open_fields.append(field)
        elif kind == "/" and (not open_fields or open_fields.pop() != field):
            raise InputError(f"{{{{/{field}}}}} closes nothing", file=file)
        parts.append([{"": "text", "#": "if", "/": "end"}[kind], field])
    if open_fields:
        raise InputError(f"{{{{#{open_fields[-1]}}}}} is never closed", file=file)
    return [*parts, card[end:]]


def _known(field: str) -> str:
    return suggest(field, list(FIELDS))
