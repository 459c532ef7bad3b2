"""The harness carries every kind of value both ways."""

import math

import pytest
from edge_js import UNDEFINED, Call, EdgeJs, JsError

CORE = """
export const echo = (value) => value;
export const kind = (value) => (value instanceof Uint8Array ? "bytes" : typeof value);
export const fail = () => { throw new RangeError("too far"); };
export const later = async (value) => value;
export const table = new Map([["a", 1n]]);
export const narrow = () => new Uint16Array([1, 65535]);
export class Reader { constructor(rows) { this.rows = rows; } row(i) { return this.rows[i]; } }
"""


@pytest.fixture(scope="module")
def js(tmp_path_factory, workerd):
    core = tmp_path_factory.mktemp("core")
    (core / "toy.js").write_text(CORE)
    harness = EdgeJs(core, workerd)
    yield harness
    harness.close()


VALUES = [
    None, True, 0, -1, 1.5, 2**53, 2**63, "", "é\U0001f600", b"", bytes(range(256)) * 300,
    [], [1, [2]], {}, {"$in": ["a"]}, {"$bytes": "AA=="}, {"a": {"b": None}}, math.inf, -math.inf,
]  # fmt: skip


def test_every_kind_of_value_comes_back_as_it_went(js):
    assert js.batch([Call("toy", "echo", [value]) for value in VALUES]) == VALUES


def test_undefined_nan_and_minus_zero_survive(js):
    undefined, nan, zero = js.batch([Call("toy", "echo", [v]) for v in (UNDEFINED, math.nan, -0.0)])
    assert undefined is UNDEFINED
    assert math.isnan(nan)
    assert math.copysign(1, zero) == -1


def test_bytes_arrive_as_bytes_and_big_integers_as_such(js):
    kinds = js.batch([Call("toy", "kind", [v]) for v in (b"a", 2**60, 1, UNDEFINED)])
    assert kinds == ["bytes", "bigint", "number", "undefined"]


def test_promises_are_awaited_and_other_exports_returned(js):
    assert js.call("toy", "later", 7) == 7
    assert js.call("toy", "table") == {"a": 1}
    assert js.call("toy", "narrow") == [1, 65535]


def test_methods_are_called_on_what_a_class_makes(js):
    assert js.batch([Call("toy", "Reader", [["a", "b"]], [("row", [1])])]) == ["b"]


def test_what_a_function_throws_is_raised(js):
    with pytest.raises(JsError, match="too far") as caught:
        js.call("toy", "fail")
    assert caught.value.name == "RangeError"


def test_a_misspelt_export_is_named(js):
    with pytest.raises(JsError, match="no export ekko in toy"):
        js.call("toy", "ekko")


def test_every_module_of_the_edge_core_loads(edge_js):
    assert edge_js.call("msgpack", "decode", b"\x93\x01\x02\xc0") == [1, 2, None]
