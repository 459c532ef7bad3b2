"""Writes the Cap'n Proto configuration that workerd is started with."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import msgspec

from control_plane.deploy.modules import Module
from control_plane.emulator.server import SERVICE
from control_plane.errors import InputError

SOCKET = "http"


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a worker's own `fetch` goes; `host` is set when the origin must be asked by name."""

    address: str
    tls: bool = False
    host: str | None = None


class WorkerdConfig(msgspec.Struct, frozen=True, kw_only=True):
    """All that workerd needs to know of a worker.

    `backend` is the address of our server; `kv`, `services` and `outbound` hold the header
    values that lead to its services. `origin` goes before `outbound`.
    """

    modules: tuple[Module, ...]
    compatibility_date: str
    backend: str
    outbound: str
    compatibility_flags: tuple[str, ...] = ()
    variables: Mapping[str, Any] = {}
    kv: Mapping[str, str] = {}
    services: Mapping[str, str] = {}
    origin: Origin | None = None


def parse_origin(url: str) -> Origin:
    """Read an origin's URL; one on this machine keeps the visitor's Host, others get their own."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not _has_port(parts):
        raise InputError(
            f"{url!r} is not an address",
            field="origin",
            remedy="Give the shop's own address, such as http://127.0.0.1:5000.",
        )
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username:
        raise InputError(
            f"{url!r} says more than an address",
            field="origin",
            remedy="Give scheme, host and port alone.",
        )
    tls = parts.scheme == "https"
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    local = parts.hostname in ("localhost", "::1") or parts.hostname.startswith("127.")
    return Origin(
        address=f"{host}:{parts.port or (443 if tls else 80)}",
        tls=tls,
        host=None if local else parts.netloc,
    )


def write_config(config: WorkerdConfig, folder: Path) -> Path:
    """Write the configuration with its modules into `folder`; return the file to start with.

    The folder is made readable by its owner only, since variables may be secrets.
    """
    folder.mkdir(parents=True, mode=0o700)
    for index, module in enumerate(config.modules):
        (folder / str(index)).write_bytes(module.source)
    services = [_main(config), *_externals(config), *_outbound(config)]
    text = f"""using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    {_lines(services, 4)}
  ],
  sockets = [(name = "{SOCKET}", service = "main", http = (
    cfBlobHeader = "CF-Blob", forwardedProtoHeader = "X-Forwarded-Proto"))],
  logging = (structuredLogging = true),
);
"""
    file = folder / "config.capnp"
    file.write_text(text, encoding="utf-8")
    return file


def _has_port(parts: SplitResult) -> bool:
    try:
        return parts.port != 0
    except ValueError:
        return False


def _main(config: WorkerdConfig) -> str:
    modules = [
        f"(name = {_text(module.name)}, {module.kind} = embed {_text(str(index))})"
        for index, module in enumerate(config.modules)
    ]
    bindings = [
        *(_variable(name, value) for name, value in config.variables.items()),
        *(f"(name = {_text(name)}, kvNamespace = {_text('kv-' + name)})" for name in config.kv),
        *(
            f"(name = {_text(name)}, service = {_text('service-' + name)})"
            for name in config.services
        ),
    ]
    flags = ", ".join(_text(flag) for flag in config.compatibility_flags)
    return f"""(name = "main", worker = (
      modules = [
        {_lines(modules, 8)}
      ],
      compatibilityDate = {_text(config.compatibility_date)},
      compatibilityFlags = [{flags}],
      bindings = [
        {_lines(bindings, 8)}
      ],
      globalOutbound = "outbound",
    ))"""


def _externals(config: WorkerdConfig) -> list[str]:
    named = [(f"kv-{name}", header) for name, header in config.kv.items()]
    named += [(f"service-{name}", header) for name, header in config.services.items()]
    return [_injecting(name, header, config.backend) for name, header in named]


def _outbound(config: WorkerdConfig) -> list[str]:
    origin = config.origin
    if origin is None:
        return [_injecting("outbound", config.outbound, config.backend)]
    name = "outbound" if origin.host is None else "origin"
    kind = "http = ()"
    if origin.tls:
        hostname = origin.address.rpartition(":")[0]
        kind = (
            "https = (options = (), tlsOptions = (trustBrowserCas = true), "
            f"certificateHost = {_text(hostname)})"
        )
    service = f"(name = {_text(name)}, external = (address = {_text(origin.address)}, {kind}))"
    return [service] if origin.host is None else [service, _renaming(origin)]


def _renaming(origin: Origin) -> str:
    # An external service sends the Host of the URL that the worker asked for, which is the local
    # edge's; a shop on another machine answers to its own name only.
    scheme, host = ("https:" if origin.tls else "http:"), json.dumps(origin.host)
    script = f"""export default {{ async fetch(request, env) {{
  const url = new URL(request.url), local = url.origin;
  url.protocol = {json.dumps(scheme)}; url.port = ""; url.host = {host};
  const response = await env.ORIGIN.fetch(new Request(url, request), {{ redirect: "manual" }});
  const location = response.headers.get("Location");
  if (!location?.startsWith(url.origin + "/")) return response;
  const renamed = new Response(response.body, response);
  renamed.headers.set("Location", local + location.slice(url.origin.length));
  return renamed;
}} }};"""
    return f"""(name = "outbound", worker = (
      modules = [(name = "outbound.js", esModule = {_text(script)})],
      compatibilityDate = "2026-06-01",
      bindings = [(name = "ORIGIN", service = "origin")],
      globalOutbound = "origin",
    ))"""


def _injecting(name: str, header: str, address: str) -> str:
    return (
        f"(name = {_text(name)}, external = (address = {_text(address)}, http = ("
        f"injectRequestHeaders = [(name = {_text(SERVICE)}, value = {_text(header)})])))"
    )


def _variable(name: str, value: Any) -> str:
    if isinstance(value, str):
        return f"(name = {_text(name)}, text = {_text(value)})"
    return f"(name = {_text(name)}, json = {_text(json.dumps(value))})"


def _text(value: str) -> str:
    """Return a Cap'n Proto text literal: bytes outside printable ASCII are escaped."""
    out = []
    for byte in value.encode("utf-8"):
        plain = 32 <= byte < 127 and byte not in b'"\\'
        out.append(chr(byte) if plain else f"\\x{byte:02x}")
    return '"' + "".join(out) + '"'


def _lines(parts: Sequence[str], indent: int) -> str:
    return (",\n" + " " * indent).join(parts)
