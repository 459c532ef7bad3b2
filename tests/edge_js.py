"""Calls functions of the edge's JavaScript in the real runtime, for property tests.

One worker imports every module of `edge_bundle/core` and `extras`; a call names a module, an export
and its arguments. What JSON cannot say is marked: bytes, undefined, NaN, infinities, -0, big
integers.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from control_plane.emulator.miniflare import Miniflare, Options

CORE = Path(__file__).parents[1] / "edge_bundle" / "core"
#: What the adapters lend at run time stands to hand here.
LENT = "extras/core.js"
HARNESS = Path(__file__).with_name("edge_js_harness.js")
MARKS = ("$bytes", "$undefined", "$number", "$bigint", "$map", "$object")


class JsError(Exception):
    """A JavaScript function threw; `name` is its class and `message` its words."""

    def __init__(self, name: str, message: str, stack: str = "") -> None:
        super().__init__(f"{name}: {message}\n{stack}")
        self.name, self.message = name, message


class Call(msgspec.Struct, frozen=True):
    """One call: `chain` are methods called on the result, each a name and its arguments."""

    module: str
    export: str
    args: Sequence[Any] = ()
    chain: Sequence[tuple[str, Sequence[Any]]] = ()


class _Undefined:
    def __repr__(self) -> str:
        return "UNDEFINED"

    def __bool__(self) -> bool:
        return False


#: JavaScript's undefined, as argument and as result.
UNDEFINED = _Undefined()


class EdgeJs:
    """The edge's JavaScript core, running in workerd."""

    def __init__(self, core: Path = CORE, workerd: Path | None = None) -> None:
        files = [*sorted(core.glob("*.js")), *sorted((core.parent / "extras").glob("*.js"))]
        places = [f"{file.parent.name}/{file.name}" for file in files]
        imports = [f'import * as m{i} from "./{place}";' for i, place in enumerate(places)]
        names = [f"{json.dumps(f.stem)}: m{i}" for i, f in enumerate(files)]
        main = "\n".join([*imports, f"export const modules = {{ {', '.join(names)} }};"])
        modules = {place: file.read_bytes() for place, file in zip(places, files, strict=True)}
        if LENT in modules:
            modules[LENT] = b'export { kit as core } from "../core/kit.js";'
        modules |= {"modules.js": main.encode(), "harness.js": HARNESS.read_bytes()}
        self._worker = Miniflare(Options(modules=modules, main="harness.js", workerd=workerd))

    def close(self) -> None:
        """End the worker."""
        self._worker.dispose()

    def call(self, module: str, export: str, *args: Any) -> Any:
        """Return what `module.export(...args)` returns; raise JsError when it throws.

        Promises are awaited; an export that is no function is returned itself.
        """
        answer = self.batch([Call(module, export, args)])[0]
        if isinstance(answer, JsError):
            raise answer
        return answer

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        """Make many calls in one request; a call that throws gives its JsError as the answer."""
        body = json.dumps([_encode_call(call) for call in calls], ensure_ascii=False)
        response = self._worker.dispatch_fetch(
            "http://harness/", method="POST", content=body.encode("utf-8", "surrogatepass")
        )
        if response.status_code != 200:
            raise JsError("Harness", response.text)
        return [_answer(answer) for answer in response.json()]


def encode(value: Any) -> Any:
    """Return a value as JSON can hold it, marked where needed."""
    if isinstance(value, _Undefined):
        return {"$undefined": True}
    if isinstance(value, bytes | bytearray | memoryview):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return value if abs(value) <= 2**53 else {"$bigint": str(value)}
    if isinstance(value, float):
        return _encode_float(value)
    if isinstance(value, dict):
        plain = {key: encode(item) for key, item in value.items()}
        return {"$object": plain} if len(plain) == 1 and next(iter(plain)) in MARKS else plain
    if isinstance(value, list | tuple):
        return [encode(item) for item in value]
    raise TypeError(f"no JavaScript value for {type(value).__name__}")


def decode(value: Any) -> Any:
    """Return what a marked value stands for; Maps become dicts."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) != 1 or next(iter(value)) not in MARKS:
        return {key: decode(item) for key, item in value.items()}
    mark, content = next(iter(value.items()))
    match mark:
        case "$undefined":
            return UNDEFINED
        case "$bytes":
            return base64.b64decode(content)
        case "$number":
            return float(content.replace("Infinity", "inf"))
        case "$bigint":
            return int(content)
        case "$map":
            return {decode(key): decode(item) for key, item in content}
        case _:
            return {key: decode(item) for key, item in content.items()}


def _encode_float(value: float) -> Any:
    if math.isnan(value):
        return {"$number": "NaN"}
    if math.isinf(value):
        return {"$number": "Infinity" if value > 0 else "-Infinity"}
    return {"$number": "-0"} if value == 0 and math.copysign(1, value) < 0 else value


def _encode_call(call: Call) -> dict[str, Any]:
    return {
        "module": call.module.removesuffix(".js"),
        "export": call.export,
        "args": [encode(argument) for argument in call.args],
        "chain": [[name, [encode(argument) for argument in args]] for name, args in call.chain],
    }


def _answer(answer: dict[str, Any]) -> Any:
    if "error" in answer:
        error = answer["error"]
        return JsError(error["name"], error["message"], error.get("stack", ""))
    return decode(answer["result"])
