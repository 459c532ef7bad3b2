"""The REST API's key-value stores: namespaces, and the pairs of each."""

from __future__ import annotations

from starlette.responses import Response

from control_plane.emulator import limits
from control_plane.emulator.call import Call, no_endpoint, success
from control_plane.emulator.limits import Refusal
from control_plane.emulator.rest_bulk import delete_pairs, get_pairs, put_pairs
from control_plane.emulator.rest_namespaces import (
    create_namespace,
    list_namespaces,
    namespace_of,
    show,
)
from control_plane.emulator.rest_values import delete_value, list_keys, put_value
from control_plane.emulator.store import Pair, Store
from control_plane.emulator.wire import parsed_metadata


def answer_kv(store: Store, call: Call) -> Response:
    """Answer a call below `storage/kv/namespaces`; raise Refusal as the platform would."""
    match call.method, call.path:
        case "GET", ():
            return success(*list_namespaces(store, call.query))
        case "POST", ():
            return success(create_namespace(store, call.body))
    namespace = namespace_of(store, call.path[0] if call.path else "")
    match call.method, call.path[1:]:
        case "GET", ():
            return success(show(namespace))
        case "DELETE", ():
            store.delete_namespace(namespace.id)
            return success({})
        case "GET", ("keys",):
            return success(*list_keys(store, namespace.id, call.query))
    return _pairs(store, namespace.id, call.below(1))


def _pairs(store: Store, id: str, call: Call) -> Response:
    match call.method, call.path:
        case "PUT", ("bulk",):
            return success(put_pairs(store, id, call.body))
        case ("DELETE", ("bulk",)) | ("POST", ("bulk", "delete")):
            return success(delete_pairs(store, id, call.body))
        case "POST", ("bulk", "get"):
            return success(get_pairs(store, id, call.body))
        case "GET", ("values", *key):
            return _value(_existing(store, id, "/".join(key)))
        case "PUT", ("values", *key):
            put_value(store, id, "/".join(key), call.query, call.content_type, call.body)
            return success({})
        case "DELETE", ("values", *key):
            delete_value(store, id, "/".join(key))
            return success({})
        case "GET", ("metadata", *key):
            return success(parsed_metadata(_existing(store, id, "/".join(key))))
    raise no_endpoint()


def _existing(store: Store, id: str, key: str) -> Pair:
    limits.check_key(key)
    pair = store.get(id, key)
    if pair is None:
        raise Refusal("get: 'key not found'", 404, limits.KEY_NOT_FOUND)
    return pair


def _value(pair: Pair) -> Response:
    response = Response(pair.value, media_type="application/octet-stream")
    if pair.expiration is not None:
        response.headers["expiration"] = str(pair.expiration)
    return response
