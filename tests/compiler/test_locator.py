from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control_plane.compiler.locator import build_locator, locate
from control_plane.errors import TableError
from control_plane.hashing import hash_texts


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=8), st.integers(0, 600)))
def test_every_key_gets_its_answer(answers: dict[str, int]) -> None:
    lanes = hash_texts(list(answers))
    wanted = np.array(list(answers.values()), dtype=np.int64)
    assert locate(build_locator(lanes, wanted), lanes).tolist() == wanted.tolist()


def test_it_costs_about_a_quarter_more_than_the_answers_alone() -> None:
    lanes = hash_texts([f"sku-{number}" for number in range(30_000)])
    parts = build_locator(lanes, np.arange(30_000) % 128)
    bits = 8 * sum(len(part.cells) for part in parts)
    assert bits / 30_000 < 7 * 1.25


def test_two_items_of_one_hash_are_a_clear_error() -> None:
    with pytest.raises(TableError, match="same 64-bit hash"):
        build_locator(hash_texts(["twin", "twin"]), np.array([1, 2]))
