"""A project's settings (frontshelf.toml, then the environment) and where its files stand."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from control_plane.errors import InputError, suggest

ENVIRONMENT_PREFIX = "FRONTSHELF_"


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all settings sections: unknown keys are errors."""


class Shop(Section, frozen=True):
    """Who the tables are for; name and environment are signed into every release.

    `market` is whose prices hold where nothing else is known; `countries` say to which market a
    visitor's country belongs where the market is not named after it.
    """

    name: str = "shop"
    environment: str = "dev"
    currency: str = "EUR"
    market: str = ""
    countries: dict[str, str] = {}


class Ingest(Section, frozen=True):
    """How files of events are taken in.

    `consent` says what a file without a consent column counts as.
    """

    max_rejects: float = 0.1
    consent: Literal["granted", "refused"] = "granted"


class Train(Section, frozen=True):
    """What models learn, and within which bounds.

    `segments_min` and `segments_max` bound the number of segments; groups of fewer visitors than
    `segments_smallest` are never told of. `engine` works out the steps that grow with the log;
    the others learn from as many of the newest events as fit `memory_gb` (0: three fifths of the
    machine's).
    """

    engine: Literal["embedded", "duckdb", "spark"] = "embedded"
    neighbours: int = 50
    session_gap_minutes: int = 30
    daily_sessions: int = 20
    tune_events: int = 300_000
    memory_gb: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    visitor_items: int = 20
    visitor_seconds: int = 240
    visitor_bytes: int = 1_000_000_000
    popular_items: int = 200
    segments_min: int = 3
    segments_max: int = 8
    segments_smallest: int = 10
    segments_algorithm: Literal["kmeans", "hierarchical", "hdbscan", "dbscan"] = "kmeans"
    segments_scaling: Literal["zscore", "minmax"] = "zscore"
    seed: int = 7


class Spark(Section, frozen=True):
    """Where Spark runs for `train.engine = "spark"`; `config` are its own properties."""

    master: str = "local[*]"
    config: dict[str, str] = {}


class Edge(Section, frozen=True):
    """How the worker treats the shop's pages; becomes the worker's variables."""

    prefix: str = "/_fs"
    include: tuple[str, ...] = ("/*",)
    exclude: tuple[str, ...] = ("/checkout*", "/account*")
    slot_tags: tuple[str, ...] = ("div", "section", "aside", "ul", "ol")
    collect_url: str = ""
    min_counter: int = 0


class Deploy(Section, frozen=True):
    """What `gc` leaves at a target, and what a canary must not do worse than what is live.

    Shares are of decisions. Reads are compared from `canary_reads` of each on: slower by the ratio
    and by the milliseconds is too slow.
    """

    keep_releases: Annotated[int, msgspec.Meta(ge=1)] = 5
    grace_hours: Annotated[float, msgspec.Meta(ge=1)] = 24.0
    canary_decisions: Annotated[int, msgspec.Meta(ge=1)] = 1000
    canary_faults: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.001
    canary_empty: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.01
    canary_reads: Annotated[int, msgspec.Meta(ge=1)] = 200
    canary_read_ratio: Annotated[float, msgspec.Meta(ge=1)] = 1.5
    canary_read_ms: Annotated[float, msgspec.Meta(ge=0)] = 20.0


class Archive(Section, frozen=True):
    """Where releases are kept beside the targets: s3://BUCKET/PREFIX, at Amazon or an endpoint.

    Credentials come from where boto3 looks for them. `keep_releases` of those archived last stay.
    """

    url: str = ""
    endpoint: str = ""
    keep_releases: Annotated[int, msgspec.Meta(ge=1)] = 20


class Cloudflare(Section, frozen=True):
    """Where the remote key-value store and the worker are.

    The API token comes from CLOUDFLARE_API_TOKEN. `routes` are patterns of the zone's URLs for
    which the worker answers; without any, `worker upload` leaves routes alone.
    """

    account_id: str = ""
    namespace_id: str = ""
    worker_name: str = "frontshelf"
    zone_id: str = ""
    routes: tuple[str, ...] = ()
    base_url: str = "https://api.cloudflare.com/client/v4"


class Akamai(Section, frozen=True):
    """Where releases live in EdgeKV, and which EdgeWorker serves them.

    Credentials come from the environment or from a section of an .edgerc file; their host is where
    calls go, unless `base_url` leads elsewhere. Keys are spread over groups that begin with
    `group`. `token_reference` names the EdgeKV access token that the EdgeWorker reads with. Secrets
    that are not in the bundle stand in the property.
    """

    namespace: str = ""
    group: str = "frontshelf"
    network: Literal["staging", "production"] = "production"
    edgeworker_id: Annotated[int, msgspec.Meta(ge=0)] = 0
    token_name: str = "frontshelf"
    token_reference: str = ""
    secrets_in_bundle: bool = True
    edgerc_section: str = "default"
    calls_per_second: Annotated[float, msgspec.Meta(gt=0, le=1000)] = 20.0
    base_url: str = ""


class Dev(Section, frozen=True):
    """How the local edge sees its store: at once, or as a location of the CDN may (strict).

    `cpu_ms` is what `dev --limits` lets one request use.
    """

    store: Literal["instant", "strict"] = "instant"
    propagation_seconds: float = 60.0
    cpu_ms: float = 10.0


class Settings(Section, frozen=True):
    """All settings of a project, validated when loaded."""

    shop: Shop = Shop()
    ingest: Ingest = Ingest()
    train: Train = Train()
    spark: Spark = Spark()
    edge: Edge = Edge()
    deploy: Deploy = Deploy()
    archive: Archive = Archive()
    cloudflare: Cloudflare = Cloudflare()
    akamai: Akamai = Akamai()
    dev: Dev = Dev()


class Project(msgspec.Struct, frozen=True):
    """A project directory: its settings and the places of its files."""

    root: Path
    settings: Settings

    @property
    def rules(self) -> Path:
        """The marketer's rules."""
        return self.root / "rules.yaml"

    @property
    def data(self) -> Path:
        """The event log, the item catalogue, rejects and the identifier vault."""
        return self.root / "data"

    @property
    def inbox(self) -> Path:
        """Where `dev` appends the events that browsers send."""
        return self.root / "inbox"

    @property
    def keys(self) -> Path:
        """Private keys and secrets; never leaves the machine, never in version control."""
        return self.root / "keys"

    @property
    def models(self) -> Path:
        """What `train` learned."""
        return self.root / "models"

    @property
    def build(self) -> Path:
        """What `compile` made."""
        return self.root / "build"

    @property
    def local(self) -> Path:
        """The local edge: its key-value store, release history, running process."""
        return self.root / ".local"


def load_project(root: Path, environment: Mapping[str, str] | None = None) -> Project:
    """Read `root/frontshelf.toml`; raise InputError when it is missing or wrong."""
    file = root / "frontshelf.toml"
    if not file.is_file():
        raise InputError(
            "no frontshelf.toml here",
            file=root,
            remedy="Run 'frontshelf init' there first, or name the project with --project DIR.",
        )
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"not valid TOML: {error}", file=file) from error
    variables = os.environ if environment is None else environment
    return Project(root=root.resolve(), settings=parse_settings(raw, variables, file))


def parse_settings(raw: dict[str, Any], environment: Mapping[str, str], file: Path) -> Settings:
    """Validate settings; FRONTSHELF_SECTION_KEY in the environment overrides section.key."""
    _refuse_unknown(raw, file)
    for section, fields in _fields().items():
        for key in fields:
            value = environment.get(f"{ENVIRONMENT_PREFIX}{section}_{key}".upper())
            if value is not None:
                raw.setdefault(section, {})[key] = value
    try:
        settings = msgspec.convert(raw, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise _wrong_value(str(error), file) from error
    if not 0 <= settings.ingest.max_rejects <= 1:
        raise InputError(
            f"{settings.ingest.max_rejects} is not a share",
            file=file,
            field="ingest.max_rejects",
            remedy="Give a number from 0 to 1.",
        )
    for field, name in (("name", settings.shop.name), ("environment", settings.shop.environment)):
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,31}", name):
            raise InputError(
                f"{name!r} is not a name",
                file=file,
                field=f"shop.{field}",
                remedy="Use 1 to 32 small letters, digits and hyphens.",
            )
    for country in settings.shop.countries:
        if not re.fullmatch(r"[A-Z]{2}", country):
            raise InputError(
                f"{country!r} is no country",
                file=file,
                field="shop.countries",
                remedy="Use two capital letters, as ISO 3166 has them: FR, not fr or France.",
            )
    return settings


def _wrong_value(words: str, file: Path) -> InputError:
    """Return msgspec's words as an error; of a setting with few choices it names them."""
    place = re.fullmatch(r"(.*) - at `\$\.(\w+)\.(\w+)`", words, re.DOTALL)
    if not place:
        return InputError(words, file=file, remedy="See docs/settings.md.")
    problem, section, key = place.groups()
    kind = get_type_hints(_sections()[section]).get(key)
    choices = [repr(value) for value in get_args(kind)] if get_origin(kind) is Literal else []
    remedy = f"Give one of {', '.join(choices)}." if choices else "See docs/settings.md."
    return InputError(problem, file=file, field=f"{section}.{key}", remedy=remedy)


def _fields() -> dict[str, tuple[str, ...]]:
    return {name: section.__struct_fields__ for name, section in _sections().items()}


def _sections() -> dict[str, type[Section]]:
    return {field.name: field.type for field in msgspec.structs.fields(Settings)}


def _refuse_unknown(raw: dict[str, Any], file: Path) -> None:
    known = _fields()
    for section, values in raw.items():
        if section not in known:
            raise InputError(
                "unknown section", file=file, field=section, remedy=suggest(section, list(known))
            )
        for key in values if isinstance(values, dict) else ():
            if key not in known[section]:
                raise InputError(
                    "unknown setting",
                    file=file,
                    field=f"{section}.{key}",
                    remedy=suggest(key, list(known[section])),
                )
