from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.errors import TableError
from control_plane.tables import column, pack, unpack, value_key


@given(
    fours=st.lists(st.integers(0, 2**32 - 1)),
    twos=st.lists(st.integers(0, 65535)),
    ones=st.binary(),
    name=st.text(max_size=9),
)
def test_columns_come_back_and_stand_at_multiples_of_their_width(
    fours: list[int], twos: list[int], ones: bytes, name: str
) -> None:
    value = pack(
        "toy",
        {"name": name},
        {"a": np.array(fours, "<u4"), "b": ones, "c": np.array(twos, "<u2")},
    )
    table = unpack(value)
    assert (table["kind"], table["name"]) == ("toy", name)
    assert column(table, "a", "<u4").tolist() == fours
    assert column(table, "c", "<u2").tolist() == twos
    assert table["b"] == ones
    payload = value.index(b"\xa1a\xc6") + 7  # after the key, the bin's sign and its length
    assert (payload + len(table["a"]) % 4) % 4 == 0


def test_the_same_table_gives_the_same_key() -> None:
    keys = {value_key("i", pack("toy", {"n": 1}, {"a": np.arange(3, dtype="<u4")})) for _ in "ab"}
    assert len(keys) == 1
    assert keys.pop().startswith("i-")


@pytest.mark.parametrize("value", [b"", b"\xc1", b"\x80", b"\x93\x01\x02\x03", b"{}"])
def test_what_is_no_table_is_refused(value: bytes) -> None:
    with pytest.raises(TableError, match="not a table"):
        unpack(value)
