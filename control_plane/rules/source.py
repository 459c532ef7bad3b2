"""Reads YAML 1.2 into plain values that remember their line, so that every error can name it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.nodes import Node as YamlNode

from control_plane.errors import InputError

MAX_BYTES = 2_000_000
MAX_DEPTH = 50
#: Aliases can make a small file stand for a huge tree; nobody writes so many values.
MAX_NODES = 200_000

_TAG = "tag:yaml.org,2002:"
_BASES = {"0o": 8, "0x": 16, "0b": 2}


class Node(msgspec.Struct, frozen=True):
    """One value of a file: `value` is a scalar, a list of nodes or a dict of nodes by key.

    `raw` is a scalar as written, so that an SKU of digits keeps its zeros. `lines` are the
    lines of a mapping's keys; `repeated` its keys that stand twice, with their line.
    """

    value: Any
    line: int
    raw: str = ""
    lines: dict[str, int] = {}
    repeated: tuple[tuple[str, int], ...] = ()

    def plain(self) -> Any:
        """Return the value without lines, as JSON-like data."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


def read(file: Path) -> Node:
    """Return what a file holds; raise InputError when it can't be read or is not YAML."""
    text = _read_text(file)
    try:
        root = YAML().compose(text)
        if root is None:
            raise InputError("is empty", file=file, remedy="Write at least 'slots:'.")
        return _Reader(file).node(root, 0)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        raise InputError(f"not valid YAML: {error.problem}", file=file, line=line) from error
    except YAMLError as error:
        raise InputError(f"not valid YAML: {error}", file=file) from error
    except RecursionError as error:
        raise InputError(f"nested deeper than {MAX_DEPTH} levels", file=file) from error


def _read_text(file: Path) -> str:
    try:
        raw = file.read_bytes()
        if len(raw) > MAX_BYTES:
            raise InputError(f"is larger than {MAX_BYTES:,} bytes", file=file)
        return raw.decode("utf-8-sig")
    except FileNotFoundError as error:
        remedy = "Run 'frontshelf init', which writes one to start from."
        raise InputError("no rules file here", file=file, remedy=remedy) from error
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}", file=file) from error
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise InputError("is not UTF-8 text", file=file, line=line) from error


class _Reader:
    def __init__(self, file: Path) -> None:
        self.file, self.count = file, 0

    def node(self, node: YamlNode, depth: int) -> Node:
        self.count += 1
        line = node.start_mark.line + 1
        if depth > MAX_DEPTH:
            raise InputError(f"nested deeper than {MAX_DEPTH} levels", file=self.file, line=line)
        if self.count > MAX_NODES:
            raise InputError(f"stands for over {MAX_NODES:,} values", file=self.file, line=line)
        if isinstance(node, MappingNode):
            return self.mapping(node, line, depth)
        if isinstance(node, SequenceNode):
            return Node([self.node(one, depth + 1) for one in node.value], line)
        assert isinstance(node, ScalarNode)
        return Node(_scalar(node), line, raw=node.value)

    def mapping(self, node: MappingNode, line: int, depth: int) -> Node:
        found: dict[str, Node] = {}
        merged: dict[str, Node] = {}
        lines: dict[str, int] = {}
        repeated = []
        for key_node, value_node in node.value:
            key_line = key_node.start_mark.line + 1
            if not isinstance(key_node, ScalarNode):
                raise InputError("a key must be a word", file=self.file, line=key_line)
            key = key_node.value
            if key == "<<" and key_node.style is None:
                merged |= self.merged(value_node, key_line, depth)
                continue
            if key in found:
                repeated.append((key, key_line))
                continue
            found[key], lines[key] = self.node(value_node, depth + 1), key_line
        inherited = {key: value for key, value in merged.items() if key not in found}
        lines |= {key: value.line for key, value in inherited.items()}
        return Node({**inherited, **found}, line, lines=lines, repeated=tuple(repeated))

    def merged(self, node: YamlNode, line: int, depth: int) -> dict[str, Node]:
        """Return what `<<: *name` or `<<: [*one, *two]` brings in; the first one named wins."""
        several = node.value if isinstance(node, SequenceNode) else [node]
        found: dict[str, Node] = {}
        for one in reversed(several):
            if not isinstance(one, MappingNode):
                raise InputError("'<<' needs a mapping", file=self.file, line=line)
            found |= self.node(one, depth + 1).value
        return found


def _scalar(node: ScalarNode) -> Any:
    """Return a scalar by YAML 1.2's core schema; dates stay text, for `times` to read."""
    kind, text = str(node.tag).removeprefix(_TAG), node.value
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    if kind == "int":
        return _integer(text)
    if kind == "float":
        number = float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
        return number if math.isfinite(number) else text
    return text


def _integer(text: str) -> int | str:
    sign, digits = (-1, text[1:]) if text[0] == "-" else (1, text.lstrip("+"))
    base = _BASES.get(digits[:2].lower(), 10)
    plain = digits[2:] if base != 10 else digits
    if len(plain) > 18:
        return text  # no count, weight or time is so long: an identifier without quotes
    return sign * int(plain, base)
