"""Reads the `content` of a rules file: markup, files of markup, and shelves of items."""

from __future__ import annotations

from pathlib import Path

from control_plane.errors import suggest
from control_plane.rules.problems import Place
from control_plane.rules.shapes import Blend, Content, Exclude, Html, Items
from control_plane.rules.weights import read_weights

STAGES = (
    "item", "also_bought", "similar", "session", "visitor", "recently_viewed",
    "segment", "popular", "popular_here", "trending", "new", "repurchase",
)  # fmt: skip
BUILT_IN_TEMPLATES = ("product-strip",)
MAX_LIMIT = 100
MAX_FILE_BYTES = 1_000_000

_KINDS = ("html", "file", "items")
_ITEMS_KEYS = (
    "from", "limit", "exclude", "reminder", "pin", "boost", "bury", "diversity", "template",
)  # fmt: skip
_DIVERSITY = ("category", "group")


def read_content(place: Place, root: Path) -> Content:
    """Return one named content; `root` is the project that its files must stand in."""
    found = place.keys((*_KINDS, "template"))
    kinds = [kind for kind in _KINDS if kind in found]
    if len(kinds) != 1:
        place.wrong("needs one of html, file or items", "Keep exactly one of the three.")
        return Html("")
    if "template" in found and kinds != ["items"]:
        found["template"].wrong("only items have a template")
    if kinds == ["html"]:
        return Html(found["html"].take(str, ""))
    if kinds == ["file"]:
        return Html(_read_file(found["file"], root))
    return _read_items(found["items"], found.get("template"), root)


def _read_file(place: Place, root: Path) -> str:
    name = place.take(str, "")
    try:
        file = (root / name).resolve()
        if not file.is_relative_to(root.resolve()):
            place.wrong(f"{name!r} is outside the project", "Copy it into content/.")
            return ""
        if file.stat().st_size > MAX_FILE_BYTES:
            place.wrong(f"{name!r} is larger than {MAX_FILE_BYTES:,} bytes", "Make it smaller.")
            return ""
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        place.wrong(f"{name!r} is not UTF-8 text", "Save it as UTF-8.")
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or "not a file name"
        place.wrong(f"{name!r} can't be read: {reason}", "Name a file inside the project.")
    return ""


def _read_items(place: Place, template: Place | None, root: Path) -> Items:
    found = place.keys(_ITEMS_KEYS, required=["from"])
    exclude = _read_exclude(found["exclude"]) if "exclude" in found else Exclude()
    limit = found["limit"].take(int, 12) if "limit" in found else 12
    if not 1 <= limit <= MAX_LIMIT:
        found["limit"].wrong(f"{limit} items", f"Show 1 to {MAX_LIMIT}.")
    template = found.get("template", template)
    return Items(
        stages=_read_stages(found["from"]) if "from" in found else (),
        limit=limit,
        exclude=exclude,
        reminder=_read_reminder(found.get("reminder"), exclude),
        template=_read_template(template, root),
        pin=tuple(one.node.raw for one in found["pin"].items()) if "pin" in found else (),
        weights=tuple(
            weight
            for key in ("boost", "bury")
            if key in found
            for weight in read_weights(found[key], bury=key == "bury")
        ),
        diversity=_read_diversity(found["diversity"]) if "diversity" in found else {"group": 1},
    )


def _read_stages(place: Place) -> tuple[Blend, ...]:
    if isinstance(place.node.value, (str, dict)):
        return (_read_blend(place),)
    stages = tuple(_read_blend(one) for one in place.items())
    if not stages and isinstance(place.node.value, list):
        place.wrong("names no stage", "Write '[session, popular]'.")
    return stages


def _read_blend(place: Place) -> Blend:
    if not isinstance(place.node.value, dict):
        return ((_known_stage(place, place.take(str, "popular")), 1.0),)
    blend = []
    for name, weight_place in place.entries().items():
        weight = weight_place.take(float, 1.0)
        if not 0 < weight <= 1000:
            weight_place.wrong(f"the weight {weight:g}", "Give a number above 0, such as 0.5.")
        blend.append((_known_stage(weight_place, name), weight))
    if not blend:
        place.wrong("blends nothing", "Write '{session: 1, visitor: 0.4}'.")
    return tuple(blend)


def _known_stage(place: Place, name: str) -> str:
    if name not in STAGES:
        place.wrong(f"unknown stage {name!r}", suggest(name, list(STAGES)))
    return name


def _read_exclude(place: Place) -> Exclude:
    found = place.keys(Exclude.__struct_fields__)
    return Exclude(**{key: one.take(bool, False) for key, one in found.items()})


def _read_reminder(place: Place | None, exclude: Exclude) -> bool:
    choice = "auto"
    if place is not None:
        value = place.node.value
        choice = ("on" if value else "off") if isinstance(value, bool) else ""
        choice = choice or place.one_of(("auto", "on", "off"), "reminder", "auto")
    return choice == "on" or (choice == "auto" and not exclude.seen)


def _read_template(place: Place | None, root: Path) -> str:
    if place is None:
        return BUILT_IN_TEMPLATES[0]
    own = sorted(file.stem for file in (root / "templates").glob("*.html"))
    return place.one_of((*BUILT_IN_TEMPLATES, *own), "template", BUILT_IN_TEMPLATES[0])


def _read_diversity(place: Place) -> dict[str, int]:
    found = {key: one.take(int, 1) for key, one in place.keys(_DIVERSITY).items()}
    for key, most in found.items():
        if most < 1:
            place.wrong(f"{key}: {most} leaves nothing", "Give a whole number from 1.")
    return {"group": 1} | {key: found[key] for key in _DIVERSITY if key in found}
