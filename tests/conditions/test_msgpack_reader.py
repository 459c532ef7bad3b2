"""The edge's MessagePack reader returns what Python wrote, and refuses what nobody wrote."""

from __future__ import annotations

import base64
import math
from typing import Any

import msgpack
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

roundtrip = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
SAFE = 2**53 - 1
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.sampled_from([127, 128, 255, 256, 65535, 65536, 2**32 - 1, 2**32, SAFE, SAFE + 1, -32, -33]),
    st.floats(),
    st.text(st.characters(codec="utf-8"), max_size=40),
    st.sampled_from(["", "\ufeffmark", "x" * 31, "x" * 32, "x" * 33, "é" * 40, "y" * 300]),
    st.binary(max_size=40),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=20),
        st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=8), inner, max_size=20),
    ),
    max_leaves=20,
)


def decode(edge: Any, *raw: bytes) -> list[dict[str, Any]]:
    return edge("decode", [{"value": base64.b64encode(one).decode()} for one in raw])


def told(value: Any) -> Any:
    """Return what the probe tells of a value."""
    if isinstance(value, bytes):
        return {"bytes": list(value)}
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return value if abs(value) <= SAFE else {"integer": str(value)}
    if isinstance(value, float):
        whole = value.is_integer() and abs(value) <= SAFE and not is_minus_zero(value)
        return int(value) if whole else {"number": repr(value)}
    if isinstance(value, list):
        return [told(one) for one in value]
    return {"map": {key: told(one) for key, one in value.items()}}


def is_minus_zero(value: float) -> bool:
    return value == 0 and math.copysign(1, value) < 0


def comparable(answer: Any) -> Any:
    if isinstance(answer, int | float) and abs(answer) > SAFE:
        # JSON writes a large whole float like an integer, with the fewest digits that tell it.
        return {"number": repr(float(answer))}
    if isinstance(answer, list):
        return [comparable(one) for one in answer]
    if not isinstance(answer, dict):
        return answer
    if "number" in answer:
        return {"number": repr(float(answer["number"].replace("Infinity", "inf")))}
    if "bytes" in answer:
        return {"bytes": answer["bytes"]}
    if "map" in answer:
        return {"map": {key: comparable(value) for key, value in answer["map"]}}
    return answer


@roundtrip
@given(value=values)
def test_what_python_wrote_comes_back(edge: Any, value: Any) -> None:
    answer = decode(edge, msgpack.packb(value))[0]
    assert comparable(answer["value"]) == told(value)


@roundtrip
@given(value=values.filter(lambda value: len(msgpack.packb(value)) > 1))
def test_every_truncation_is_refused(edge: Any, value: Any) -> None:
    raw = msgpack.packb(value)
    answers = decode(edge, *(raw[:n] for n in range(min(len(raw), 64))))
    assert all("error" in answer for answer in answers)


@roundtrip
@given(raw=st.binary(max_size=64))
def test_any_bytes_are_read_or_refused(edge: Any, raw: bytes) -> None:
    answer = decode(edge, raw)[0]
    try:
        value = msgpack.unpackb(raw, strict_map_key=False)
    except (ValueError, msgpack.UnpackException, TypeError):
        assert "error" in answer
        return
    if "value" in answer and not has_odd_keys(value):
        assert comparable(answer["value"]) == told(value)


def has_odd_keys(value: Any) -> bool:
    if isinstance(value, dict):
        return any(not isinstance(k, str) or has_odd_keys(v) for k, v in value.items())
    return isinstance(value, list) and any(map(has_odd_keys, value))


@pytest.mark.parametrize(
    ("name", "raw", "message"),
    [
        ("nothing", b"", "ends early"),
        ("an array of 4 billion", b"\xdd\xff\xff\xff\xff", "ends early"),
        ("a map of 4 billion", b"\xdf\xff\xff\xff\xff", "ends early"),
        ("a text of 4 GB", b"\xdb\xff\xff\xff\xffabc", "ends early"),
        ("bytes of 4 GB", b"\xc6\xff\xff\xff\xffabc", "ends early"),
        ("nested 33 deep", b"\x91" * 33 + b"\x00", "nests too deep"),
        ("nested without end", b"\x91" * 100_000, "nests too deep"),
        ("an extension", b"\xc7\x01\x05a", "unknown type"),
        ("a fixed extension", b"\xd4\x05a", "unknown type"),
        ("the unused byte", b"\xc1", "unknown type"),
        ("something after the value", b"\x01\x02", "trailing"),
        ("text that is not UTF-8", b"\xa2\xff\xfe", "TypeError"),
        ("a list as a key", b"\x81\x90\x01", "bad key"),
    ],
)
def test_hostile_input_is_refused(edge: Any, name: str, raw: bytes, message: str) -> None:
    assert message in decode(edge, raw)[0]["error"], name


def test_32_levels_are_read(edge: Any) -> None:
    assert "value" in decode(edge, b"\x91" * 32 + b"\x00")[0]


def test_binary_values_are_views_into_the_input(edge: Any) -> None:
    answer = decode(edge, msgpack.packb({"rows": b"\1\2\3"}))[0]
    assert answer["value"] == {"map": [["rows", {"bytes": [1, 2, 3], "view": True}]]}


def test_a_key_named_proto_is_an_ordinary_key(edge: Any) -> None:
    answer = decode(edge, msgpack.packb({"__proto__": {"admin": True}}))[0]
    assert answer["value"] == {"map": [["__proto__", {"map": [["admin", True]]}]]}
