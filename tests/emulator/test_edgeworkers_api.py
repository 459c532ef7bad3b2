"""Akamai's own signer drives the local EdgeWorkers API, unmodified: versions and activations."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator

import pytest
import requests
from akamai.edgegrid import EdgeGridAuth as TheirAuth
from akamai_cloud import NAMESPACE, AkamaiCloud, open_akamai

from control_plane.deploy.akamai.bundle import COMPRESSED_BYTES, pack
from control_plane.emulator.akamai_api.serve import activated_options
from control_plane.emulator.miniflare import Miniflare
from control_plane.errors import InputError

BASE = "edgeworkers/v1/ids"
GZIP = {"Content-Type": "application/gzip"}
MAIN = """
import { createResponse } from "create-response";
import { httpRequest } from "http-request";
import { edgekv_access_tokens as tokens } from "./edgekv_tokens.js";
const service = "https://edgekv.akamai-edge-svcs.net/api/v1/namespaces/toys/groups";
export async function responseProvider(request) {
  const headers = { "X-Akamai-EdgeDB-Auth": [tokens["namespace-toys"].value] };
  const item = await httpRequest(service + request.path, { headers });
  return createResponse(200, {}, `VERSION ${item.status} ${await item.text()}`);
}
"""


def files(version: str, token: str = "") -> dict[str, bytes]:
    tokens = json.dumps({f"namespace-{NAMESPACE}": {"value": token}})
    return {
        "main.js": MAIN.replace("VERSION", version).encode(),
        "bundle.json": json.dumps({"edgeworker-version": version}).encode(),
        "edgekv_tokens.js": f"export const edgekv_access_tokens = {tokens};".encode(),
    }


@pytest.fixture
def cloud(tmp_path) -> Iterator[AkamaiCloud]:
    with open_akamai(tmp_path) as cloud:
        yield cloud


@pytest.fixture
def session(cloud) -> Iterator[requests.Session]:
    known = cloud.client.credentials
    with requests.Session() as session:
        session.trust_env = False
        session.auth = TheirAuth(known.client_token, known.client_secret, known.access_token)
        yield session


@pytest.fixture
def made(cloud, session) -> str:
    """The address of a new EdgeWorker ID."""
    new = {"name": "shelf", "groupId": 1, "resourceTierId": 200}
    answer = session.post(f"{cloud.url}/{BASE}", json=new)
    assert answer.status_code == 201
    return f"{cloud.url}/{BASE}/{answer.json()['edgeWorkerId']}"


def upload(session, made: str, version: str, token: str = ""):
    return session.post(f"{made}/versions", data=pack(files(version, token)), headers=GZIP)


def activate(session, made: str, version: str, network: str = "STAGING"):
    return session.post(f"{made}/activations", json={"network": network, "version": version})


def refused(answer) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["errorCode"]


def test_a_version_is_uploaded_activated_and_answers(cloud, session, made):
    token = session.post(
        f"{cloud.url}/edgekv/v1/tokens",
        json={
            "name": "reader",
            "allowOnStaging": True,
            "allowOnProduction": False,
            "namespacePermissions": {NAMESPACE: ["r"]},
        },
    ).json()["value"]
    item = f"{cloud.url}/edgekv/v1/networks/staging/namespaces/{NAMESPACE}/groups/g/items/word"
    session.put(item, data="bear", headers={"Content-Type": "text/plain"})
    said = upload(session, made, "1.0", token).json()
    assert (said["version"], said["sequenceNumber"], len(said["checksum"])) == ("1.0", 1, 64)
    assert session.get(f"{made}/versions/1.0/content").content == pack(files("1.0", token))
    for network in ("STAGING", "PRODUCTION"):
        assert activate(session, made, "1.0", network).json()["status"] == "PRESUBMIT"
    with pytest.raises(InputError, match="no version is active"):
        activated_options(cloud.api, 1, "staging")
    cloud.clock.advance(300)
    with Miniflare(activated_options(cloud.api, 1, "staging")) as worker:
        assert worker.dispatch_fetch("http://shop/g/items/word").text == "1.0 200 bear"
        assert worker.dispatch_fetch("http://shop/g/items/none").text.startswith("1.0 404")
    with Miniflare(activated_options(cloud.api, 1, "production")) as worker:
        assert worker.dispatch_fetch("http://shop/g/items/word").text.startswith("1.0 401")


def test_an_activation_goes_through_its_states_by_the_clock(cloud, session, made):
    upload(session, made, "1.0")
    number = activate(session, made, "1.0").json()["activationId"]
    seen = []
    for seconds in (0, 5, 25, 270):
        cloud.clock.advance(seconds)
        seen.append(session.get(f"{made}/activations/{number}").json()["status"])
    assert seen == ["PRESUBMIT", "PENDING", "IN_PROGRESS", "COMPLETE"]
    assert cloud.api.edgeworkers.active(1, "PRODUCTION") is None


def test_the_version_before_runs_until_the_next_is_complete(cloud, session, made):
    for version in ("1.0", "1.1"):
        upload(session, made, version)
    activate(session, made, "1.0")
    cloud.clock.advance(300)
    activate(session, made, "1.1")
    cloud.clock.advance(299)
    assert cloud.api.edgeworkers.active(1, "STAGING") == "1.0"
    cloud.clock.advance(1)
    assert cloud.api.edgeworkers.active(1, "STAGING") == "1.1"
    listed = session.get(f"{made}/activations").json()["activations"]
    assert [one["version"] for one in listed] == ["1.1", "1.0"]
    one = session.get(f"{made}/activations", params={"version": "1.0"}).json()["activations"]
    assert [found["version"] for found in one] == ["1.0"]


def test_a_version_is_activated_once_at_a_time_and_may_be_stopped(cloud, session, made):
    upload(session, made, "1.0")
    assert activate(session, made, "1.0").status_code == 201
    assert refused(activate(session, made, "1.0")) == (400, "EW1021")
    cloud.clock.advance(300)
    assert refused(activate(session, made, "1.0")) == (400, "EW1021")
    assert refused(session.delete(f"{made}/versions/1.0"))[0] == 400
    stop = {"network": "STAGING", "version": "1.0"}
    assert session.post(f"{made}/deactivations", json=stop).status_code == 201
    assert refused(session.post(f"{made}/deactivations", json=stop)) == (400, "EW1031")
    cloud.clock.advance(300)
    assert cloud.api.edgeworkers.active(1, "STAGING") is None
    assert refused(session.post(f"{made}/deactivations", json=stop)) == (400, "EW1032")


def test_an_activation_is_canceled_before_it_is_submitted_alone(cloud, session, made):
    upload(session, made, "1.0")
    first = activate(session, made, "1.0").json()["activationId"]
    assert session.delete(f"{made}/activations/{first}").json()["status"] == "CANCELED"
    second = activate(session, made, "1.0").json()["activationId"]
    cloud.clock.advance(5)
    assert refused(session.delete(f"{made}/activations/{second}"))[0] == 400


def test_a_version_is_never_taken_twice_nor_after_it_was_deleted(session, made):
    assert upload(session, made, "1.0").status_code == 201
    assert refused(upload(session, made, "1.0"))[0] == 400
    assert session.delete(f"{made}/versions/1.0").status_code == 204
    assert session.get(f"{made}/versions").json() == {"versions": []}
    assert refused(upload(session, made, "1.0"))[0] == 400


def tar(**entries: tuple[bytes, int]) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as archive:
        for name, (content, mode) in entries.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            archive.addfile(entry, io.BytesIO(content))
    return raw.getvalue()


@pytest.mark.parametrize(
    ("bundle", "kind"),
    [
        (b"no gzip", "INVALID_GZIP_FORMAT"),
        (b"x" * (COMPRESSED_BYTES + 1), "MAX_COMPRESSED_SIZE_EXCEEDED"),
        (tar(**{"main.js": (b"0" * 3_000_000, 0o644)}), "MAX_UNCOMPRESSED_SIZE_EXCEEDED"),
        (tar(), "EMPTY_TARBALL"),
        (tar(**{"main.js": (b"", 0o644)}), "MISSING_MANDATORY_FILES"),
        (
            tar(**{"main.js": (b"", 0o755), "bundle.json": (b"{}", 0o644)}),
            "INVALID_FILE_PERMISSION",
        ),
        (tar(**{"main.js": (b"", 0o644), "bundle.json": (b"{}", 0o644)}), "INVALID_MANIFEST"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bundle_that_edgeworkers_would_not_take_is_refused(session, made, bundle, kind):
    answer = session.post(f"{made}/versions", data=bundle, headers=GZIP)
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(kind)


def test_more_versions_a_minute_than_allowed_are_refused(cloud, session, made):
    statuses = [upload(session, made, f"1.{number}").status_code for number in range(21)]
    assert statuses == [201] * 20 + [429]
    cloud.clock.advance(60)
    assert upload(session, made, "2.0").status_code == 201


def test_what_is_not_there_is_a_404(cloud, session, made):
    for path in ("77", "77/versions", "1/versions/9", "1/activations/9", "1/none"):
        assert refused(session.get(f"{cloud.url}/{BASE}/{path}")) == (404, "EW2002")
    assert activate(session, made, "9").status_code == 404


def test_groups_and_contracts_are_told(cloud, session, made):
    url = f"{cloud.url}/edgeworkers/v1"
    assert session.get(f"{url}/groups").json()["permissionGroups"][0]["groupId"] == 1
    assert session.get(f"{url}/contracts").json()["contractIds"]
    assert [one["name"] for one in session.get(f"{url}/ids").json()["edgeWorkerIds"]] == ["shelf"]


def test_access_tokens_are_made_once_listed_and_revoked(cloud, session):
    url = f"{cloud.url}/edgekv/v1/tokens"
    new = {"name": "one", "allowOnStaging": True, "namespacePermissions": {NAMESPACE: ["r"]}}
    made = session.post(url, json=new).json()
    assert session.post(url, json=new).status_code == 409
    assert session.get(f"{url}/one").json()["value"] == made["value"]
    assert session.get(url).json()["tokens"] == [{"name": "one", "uuid": made["uuid"]}]
    may = cloud.api.edgekv.tokens.may
    assert may(made["value"], None, "staging", NAMESPACE, "r")
    assert may(None, made["uuid"], "staging", NAMESPACE, "r")
    assert not may(made["value"], None, "staging", NAMESPACE, "w")
    assert not may(made["value"], None, "production", NAMESPACE, "r")
    assert not may("other", "other", "staging", NAMESPACE, "r")
    session.delete(f"{url}/one")
    assert session.get(f"{url}/one").status_code == 404
