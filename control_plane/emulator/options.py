"""What a local worker is made of, and how it becomes a configuration for workerd."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from starlette.types import ASGIApp

from control_plane.deploy.modules import Module, collect_modules, inline_modules
from control_plane.deploy.wrangler import KVBinding, Rule, WorkerConfig, read_wrangler
from control_plane.emulator.config import Origin, WorkerdConfig, parse_origin
from control_plane.emulator.server import Services, not_found
from control_plane.emulator.usage import Allowance
from control_plane.emulator.view import View, ViewedStore
from control_plane.emulator.workerd import LogLine, OnLog
from control_plane.errors import InputError, suggest

COMPATIBILITY_DATE = "2026-06-01"


def log_to_stderr(line: LogLine) -> None:
    """Print what a worker logs where talk belongs."""
    print(f"[{line.level}] {line.message}", file=sys.stderr)


class LocalApp(msgspec.Struct, frozen=True, kw_only=True):
    """Another API over the same store, by the first part of its paths; `told` is said of it."""

    name: str
    paths: tuple[str, ...]
    make: Callable[[ViewedStore], ASGIApp]
    told: Mapping[str, Any]


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What to run: a wrangler.jsonc (`config_path`), `modules` by name, or one `script`.

    `kv_namespaces` are bindings by name, with the ids of their namespaces where those are given.
    `variables` go over those of wrangler.jsonc and may be secrets. `services` are ASGI apps by
    binding; `store_services` make theirs over the worker's store. `origin` is where the worker's
    own fetches go: an address, an ASGI app, or None for a plain 404. `persist` is a folder that
    keeps the key-value store, or None for one that goes at
    disposal. `api_token` opens the REST API; None makes one up; `api_variable` names the variable
    that tells the worker where that API is. `on_log` gets the worker's log
    lines in the emulator's thread and must not raise. `kv_view` is how the worker's location sees
    the store, `allowance` what it may use of the platform, measured where it is given.
    """

    config_path: Path | None = None
    modules: Mapping[str, str | bytes] | None = None
    script: str | None = None
    main: str = "worker.js"
    rules: tuple[Rule, ...] = ()
    find_additional_modules: bool = False
    compatibility_date: str = COMPATIBILITY_DATE
    compatibility_flags: tuple[str, ...] = ()
    kv_namespaces: tuple[str, ...] | Mapping[str, str] = ()
    variables: Mapping[str, Any] = {}
    services: Mapping[str, ASGIApp] = {}
    store_services: Mapping[str, Callable[[ViewedStore], ASGIApp]] = {}
    origin: str | ASGIApp | None = None
    persist: Path | None = None
    port: int = 0
    workerd: Path | None = None
    api_token: str | None = None
    api_variable: str | None = None
    apps: tuple[LocalApp, ...] = ()
    on_log: OnLog = log_to_stderr
    kv_view: View = View()
    allowance: Allowance | None = None


def as_options(options: Options | Mapping[str, Any]) -> Options:
    """Return options given as such or by name; paths may be text, lists may be lists."""
    if isinstance(options, Options):
        return options
    given = dict(options)
    for key, value in given.items():
        if key not in Options.__struct_fields__:
            raise InputError(
                "no such option", field=key, remedy=suggest(key, list(Options.__struct_fields__))
            )
        if key in ("config_path", "persist", "workerd") and isinstance(value, str):
            given[key] = Path(value)
        if isinstance(value, list):
            given[key] = tuple(value)
    return Options(**given)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Options resolved against the files they name; `kv` maps bindings to namespace ids."""

    modules: tuple[Module, ...]
    compatibility_date: str
    compatibility_flags: tuple[str, ...]
    variables: Mapping[str, Any]
    kv: Mapping[str, str]
    services: Mapping[str, ASGIApp]
    origin: Origin | None
    outbound: ASGIApp


def namespace_id(binding: str) -> str:
    """Return the id of a binding's local namespace: 32 hexadecimal digits, always the same."""
    return hashlib.sha256(f"frontshelf:{binding}".encode()).hexdigest()[:32]


def resolve(options: Options) -> Plan:
    """Read what the options name; raise InputError when something is missing or wrong."""
    config = _worker_config(options)
    bindings = [binding.binding for binding in config.kv_namespaces]
    _require_services(config, options)
    return Plan(
        modules=_modules(options, config),
        compatibility_date=config.compatibility_date,
        compatibility_flags=config.compatibility_flags,
        variables={**config.vars, **options.variables},
        kv={
            **{binding: namespace_id(binding) for binding in (*bindings, *options.kv_namespaces)},
            **(options.kv_namespaces if isinstance(options.kv_namespaces, Mapping) else {}),
        },
        services=options.services,
        origin=parse_origin(options.origin) if isinstance(options.origin, str) else None,
        outbound=options.origin if callable(options.origin) else not_found,
    )


def workerd_config(
    plan: Plan, services: Services, backend: str, kv_app: Callable[[str], ASGIApp]
) -> WorkerdConfig:
    """Mount a plan's services, and say so to workerd."""
    return WorkerdConfig(
        modules=plan.modules,
        compatibility_date=plan.compatibility_date,
        compatibility_flags=plan.compatibility_flags,
        variables=plan.variables,
        backend=backend,
        kv={name: services.add(f"kv-{id}", kv_app(id)) for name, id in plan.kv.items()},
        services={
            name: services.add(f"service-{name}", app) for name, app in plan.services.items()
        },
        outbound=services.add("outbound", plan.outbound),
        origin=plan.origin,
    )


def _worker_config(options: Options) -> WorkerConfig:
    given = (options.config_path, options.modules, options.script)
    if sum(source is not None for source in given) != 1:
        raise InputError("give exactly one of config_path, modules and script", field="options")
    if options.config_path is not None:
        return read_wrangler(options.config_path)
    return WorkerConfig(
        file=Path("options"),
        name="worker",
        main=options.main,
        compatibility_date=options.compatibility_date,
        compatibility_flags=options.compatibility_flags,
        kv_namespaces=tuple(KVBinding(binding=name) for name in options.kv_namespaces),
        rules=options.rules,
        find_additional_modules=options.find_additional_modules,
    )


def _modules(options: Options, config: WorkerConfig) -> tuple[Module, ...]:
    if options.config_path is None:
        sources = options.modules if options.script is None else {options.main: options.script}
        return inline_modules(
            sources or {}, config.main, config.rules, additional=config.find_additional_modules
        )
    main = config.file.parent / config.main
    return collect_modules(
        main.parent,
        main.name,
        config.rules,
        only_rules=config.no_bundle,
        additional=config.find_additional_modules,
    )


def _require_services(config: WorkerConfig, options: Options) -> None:
    for service in config.services:
        if service.binding not in options.services:
            raise InputError(
                f"no service was given for the binding {service.binding!r}",
                file=config.file,
                field="services",
                remedy="Name an ASGI app for it in the options' services.",
            )
