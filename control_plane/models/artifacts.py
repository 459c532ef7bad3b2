"""What `train` learned, as plain arrays in one file that is replaced in one step."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.errors import TableError
from control_plane.models.recipe import Serving

FORMAT = 5
FILE = "model.npz"

IntArray = NDArray[np.int32]
FloatArray = NDArray[np.float32]


class Rows(msgspec.Struct, frozen=True):
    """Scored items per row, best first: row r is `items[indptr[r]:indptr[r + 1]]`.

    Shapes: indptr (rows + 1,) int64; items (nnz,) int32 item numbers; scores (nnz,) float32 > 0.
    """

    indptr: NDArray[np.int64]
    items: IntArray
    scores: FloatArray


def no_rows(count: int) -> Rows:
    """Return `count` empty rows."""
    return Rows(np.zeros(count + 1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32))


class Sets(msgspec.Struct, frozen=True):
    """Sets of item numbers per row, ascending: indptr (rows + 1,) int64, items (nnz,) int32."""

    indptr: NDArray[np.int64]
    items: IntArray


def no_sets(count: int) -> Sets:
    """Return `count` empty sets."""
    return Sets(np.zeros(count + 1, np.int64), np.zeros(0, np.int32))


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """A learned group of visitors.

    `key` stays the same between runs; `name` is readable; `traits` say what sets it apart as
    feature name -> standard scores from the mean; `centroid` is in scaled feature space. `when` is
    the condition by which the edge tells visitors without a row, None where none is good enough.
    """

    key: str
    name: str
    size: int
    traits: dict[str, float]
    centroid: tuple[float, ...] = ()
    when: dict[str, Any] | None = None


class Visitors(msgspec.Struct, frozen=True):
    """Rows for consenting visitors, by ascending 64-bit visitor key.

    Shapes: keys (v,) uint64; segment (v,) int16 index into `Model.segments`, -1 for none;
    `rows` new-to-them recommendations; `bought` and `seen` the newest items of their history;
    `rebuy` what they buy again; `hidden` what they returned or asked not to see; `activity` (v,)
    float32 how much and how lately they came: whose rows go first where there is not room for all.
    """

    keys: NDArray[np.uint64]
    segment: NDArray[np.int16]
    rows: Rows
    bought: Sets
    seen: Sets
    rebuy: Rows
    hidden: Sets
    activity: FloatArray


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """All that the compiler needs. Item numbers are places in `item_ids` (sorted).

    `popular` maps "all", "segment:KEY" and "country:XX" to item numbers, best first; `latest`
    likewise "trending", "trending:XX" and "new". `related` has an item's other rows by the name of
    their stage, "also_bought" or "similar"; what it lacks, the shop says too little for.
    `reminder_scale` is the median of the neighbour rows' maxima; `serving` says how they are
    summed. `report` is JSON-able.
    """

    model_time: str
    item_ids: list[str]
    item_events: NDArray[np.int64]
    neighbours: Rows
    reminder_scale: float
    serving: Serving = Serving()
    popular: dict[str, IntArray]
    latest: dict[str, IntArray] = {}
    related: dict[str, Rows] = {}
    segments: list[Segment]
    visitors: Visitors
    key_id: str
    report: dict[str, Any]


def save(model: Model, folder: Path) -> Path:
    """Write the model to `folder/model.npz`, replacing an older one in one step."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, NDArray[Any]] = {
        "item_events": model.item_events,
        "visitor_keys": model.visitors.keys,
        "visitor_segment": model.visitors.segment,
        "visitor_activity": model.visitors.activity,
    }
    for name, block in _blocks(model).items():
        for field in block.__struct_fields__:
            arrays[f"{name}.{field}"] = getattr(block, field)
    for kind, lists in (("popular", model.popular), ("latest", model.latest)):
        arrays |= {f"{kind}.{key}": items for key, items in lists.items()}
    facts = {
        "format": FORMAT,
        "model_time": model.model_time,
        "item_ids": model.item_ids,
        "reminder_scale": model.reminder_scale,
        "serving": model.serving,
        "popular": list(model.popular),
        "latest": list(model.latest),
        "related": list(model.related),
        "segments": model.segments,
        "key_id": model.key_id,
        "report": model.report,
    }
    arrays["facts"] = np.frombuffer(msgspec.msgpack.encode(facts), dtype=np.uint8)
    target, partial = folder / FILE, folder / f"{FILE}.partial"
    with partial.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
        file.flush()
        os.fsync(file.fileno())
    partial.replace(target)
    return target


def load(folder: Path) -> Model:
    """Read what `save` wrote; raise TableError when there is none or it cannot be read."""
    file = folder / FILE
    if not file.is_file():
        raise TableError(f"{file}: no model yet. Run 'frontshelf train' first.")
    try:
        with file.open("rb") as stream, np.load(stream) as archive:
            arrays = {name: archive[name] for name in archive.files}
        facts = msgspec.msgpack.decode(arrays["facts"].tobytes())
    except (
        OSError,
        EOFError,
        ValueError,
        KeyError,
        zipfile.BadZipFile,
        msgspec.DecodeError,
    ) as error:
        raise TableError(
            f"{file}: cannot be read ({error}). Run 'frontshelf train' again."
        ) from error
    if facts["format"] != FORMAT:
        raise TableError(f"{file}: format {facts['format']}. Run 'frontshelf train' again.")
    return Model(
        model_time=facts["model_time"],
        item_ids=facts["item_ids"],
        item_events=arrays["item_events"],
        neighbours=_rows(arrays, "neighbours"),
        reminder_scale=facts["reminder_scale"],
        serving=msgspec.convert(facts["serving"], Serving),
        popular={key: arrays[f"popular.{key}"] for key in facts["popular"]},
        latest={key: arrays[f"latest.{key}"] for key in facts["latest"]},
        related={kind: _rows(arrays, f"related.{kind}") for kind in facts["related"]},
        segments=msgspec.convert(facts["segments"], list[Segment]),
        visitors=Visitors(
            keys=arrays["visitor_keys"],
            segment=arrays["visitor_segment"],
            rows=_rows(arrays, "visitors"),
            bought=Sets(arrays["bought.indptr"], arrays["bought.items"]),
            seen=Sets(arrays["seen.indptr"], arrays["seen.items"]),
            rebuy=_rows(arrays, "rebuy"),
            hidden=Sets(arrays["hidden.indptr"], arrays["hidden.items"]),
            activity=arrays["visitor_activity"],
        ),
        key_id=facts["key_id"],
        report=facts["report"],
    )


def _blocks(model: Model) -> dict[str, Rows | Sets]:
    return {
        "neighbours": model.neighbours,
        "visitors": model.visitors.rows,
        "rebuy": model.visitors.rebuy,
        "bought": model.visitors.bought,
        "hidden": model.visitors.hidden,
        "seen": model.visitors.seen,
        **{f"related.{kind}": rows for kind, rows in model.related.items()},
    }


def _rows(arrays: dict[str, NDArray[Any]], name: str) -> Rows:
    return Rows(arrays[f"{name}.indptr"], arrays[f"{name}.items"], arrays[f"{name}.scores"])
