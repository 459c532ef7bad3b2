"""Distinct numbers, whatever their order and kind."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.profiles.keys import distinct


@given(st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_distinct_numbers_are_those_that_a_set_has(numbers: list[int]) -> None:
    assert distinct(np.array(numbers, dtype=np.int64)).tolist() == sorted(set(numbers))


@pytest.mark.parametrize("kind", [np.uint64, np.int32])
def test_numbers_keep_their_kind(kind: type) -> None:
    assert distinct(np.array([3, 1, 3], dtype=kind)).dtype == kind
