"""What items are called, as sparse vectors: TF-IDF of words, of parts of words, and of tags."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy import sparse

from control_plane.models.ranking import top_per_row

#: Longer titles are cut: what comes later says little of what an item is.
TITLE_CHARACTERS = 400
#: What tells each item most is kept: rows stay short whatever a title says.
FEATURES = 40
#: Squares of these are the shares of a likeness where items have both words and tags.
WORDS, PARTS, TAGS = 0.75, 0.5, 0.45

#: Parts of words share a table of this size; two meet in one cell once in some thousand.
_PART_CELLS = 2**20

_WORD = re.compile(r"\w+")
#: Scripts that put no spaces between words: one or two characters are a word there.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)


def text_vectors(titles: list[str], tags: list[tuple[str, ...]]) -> Any:
    """Return a CSR matrix (n, features) float32; the product of two rows is their cosine.

    What only one item has makes its row shorter than 1, and is left out; so is what tells little.
    """
    # Half of what it takes to start a command, were it imported with the rest.
    from sklearn.feature_extraction.text import HashingVectorizer

    words, names = _counts(_WORD.findall(_plain(title)[:TITLE_CHARACTERS]) for title in titles)
    parts = HashingVectorizer(
        analyzer=_parts, n_features=_PART_CELLS, norm=None, alternate_sign=False, dtype=np.float32
    )
    spelled = words @ parts.transform(names) if names else words
    tagged, _ = _counts([_plain(tag) for tag in some] for some in tags)
    blocks = [(words, WORDS), (spelled, PARTS), (tagged, TAGS)]
    there = sum(weight**2 * (np.diff(block.indptr) > 0) for block, weight in blocks)
    scale = sparse.diags_array(1 / np.sqrt(np.where(there > 0, there, 1)))
    joined = sparse.hstack([weight * _weighed(block) for block, weight in blocks], format="csr")
    kept = top_per_row(scale @ joined, FEATURES)
    vectors = sparse.csr_matrix((kept.scores, kept.items, kept.indptr), shape=joined.shape)
    vectors.sort_indices()
    return vectors


def _plain(text: str) -> str:
    """Return a text as it is compared: `ＴＥＮＴ` and `Tent` are one."""
    return unicodedata.normalize("NFKC", text).casefold()


def _counts(lists: Iterable[list[str]]) -> tuple[Any, list[str]]:
    """Return how often each list has each of its words (n, words), and the words."""
    number: dict[str, int] = {}
    columns: list[int] = []
    indptr = [0]
    for words in lists:
        columns.extend(number.setdefault(word, len(number)) for word in words)
        indptr.append(len(columns))
    ones = np.ones(len(columns), dtype=np.float32)
    counts = sparse.csr_matrix((ones, columns, indptr), shape=(len(indptr) - 1, len(number)))
    counts.sum_duplicates()
    return counts, list(number)


def _parts(word: str) -> list[str]:
    """Return the parts by which a word is known in other forms: `shoe` within `shoes`."""
    sizes = (1, 2) if _UNSPACED.search(word) else (3, 4)
    edged = word if sizes[0] == 1 else f"<{word}>"
    return [edged[at : at + size] for size in sizes for at in range(len(edged) - size + 1)]


def _weighed(counts: Any) -> Any:
    """Return TF-IDF weights, rows scaled to length 1, without what only one item has."""
    items_with = np.bincount(counts.indices, minlength=counts.shape[1])[counts.indices]
    row = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    weights = (1 + np.log(counts.data)) * np.log((counts.shape[0] + 1) / items_with)
    lengths = np.sqrt(np.bincount(row, weights**2, counts.shape[0]))
    weights *= (items_with > 1) / lengths[row]
    return sparse.csr_matrix((weights, counts.indices, counts.indptr), shape=counts.shape)
