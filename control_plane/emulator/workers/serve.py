"""Makes what was uploaded run: a stored version as options for Miniflare."""

from __future__ import annotations

from pathlib import Path

from control_plane.deploy.wrangler import Rule
from control_plane.emulator.options import Options
from control_plane.emulator.workers.deployments import version_of
from control_plane.emulator.workers.records import Records
from control_plane.errors import InputError

_RULE_TYPES = (("ESModule", "esModule"), ("Text", "text"), ("Data", "data"))


def uploaded_options(records: Records, name: str, version_id: str | None = None) -> Options:
    """Return what runs a version over the store that it was uploaded to (default: the live one).

    Of two live versions it is the one that serves more visitors. Raises InputError when there is
    none.
    """
    versions, made = records.versions(name), records.deployments(name)
    if version_id is None:
        if not made:
            raise InputError(f"no version of the worker {name!r} is deployed", field="worker")
        version_id = max(made[0].versions, key=lambda share: share.percentage).version_id
    version = version_of(versions, version_id)
    modules = records.modules(name, version.id)
    # A name is a glob that matches itself alone: every module is attached, and none bundled.
    named = {
        rule: tuple(module.name for module in modules if module.kind == kind)
        for rule, kind in _RULE_TYPES
    }
    bindings = {binding["name"]: binding for binding in version.bindings}
    return Options(
        modules={module.name: module.source for module in modules},
        main=version.main_module,
        rules=tuple(
            Rule(type=rule, globs=globs)  # type: ignore[arg-type]
            for rule, globs in named.items()
        ),
        find_additional_modules=True,
        compatibility_date=version.compatibility_date,
        compatibility_flags=version.compatibility_flags,
        kv_namespaces={
            name: binding["namespace_id"]
            for name, binding in bindings.items()
            if binding["type"] == "kv_namespace"
        },
        variables={
            name: binding["json"] if binding["type"] == "json" else binding["text"]
            for name, binding in bindings.items()
            if binding["type"] in ("plain_text", "secret_text", "json")
        },
        persist=Path(records.store.file).parent,
    )
