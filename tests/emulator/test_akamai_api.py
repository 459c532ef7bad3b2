"""Akamai's own signer drives the local EdgeKV API, unmodified; what the gate refuses."""

from __future__ import annotations

import time
from collections.abc import Iterator

import msgspec
import pytest
import requests
from akamai.edgegrid import EdgeGridAuth as TheirAuth
from akamai.edgegrid.edgegrid import EdgeGridAuthHeaders
from akamai_cloud import GROUP, ITEMS, NAMESPACE, AkamaiCloud, open_akamai

from control_plane.deploy.akamai.edgegrid import (
    EdgeGridAuth,
    content_hash,
    data_to_sign,
    sign,
    unsigned_header,
)
from control_plane.emulator.akamai_api import Grant


@pytest.fixture(scope="module")
def cloud(tmp_path_factory) -> Iterator[AkamaiCloud]:
    with open_akamai(tmp_path_factory.mktemp("akamai")) as cloud:
        yield cloud


@pytest.fixture
def session(cloud) -> Iterator[requests.Session]:
    known = cloud.client.credentials
    with requests.Session() as session:
        session.trust_env = False
        session.auth = TheirAuth(known.client_token, known.client_secret, known.access_token)
        yield session


def refused(answer) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status_code
    return answer.status_code, problem["detail"]


def test_their_client_writes_reads_lists_and_deletes_items(cloud, session):
    group = f"{cloud.url}/{ITEMS}/theirs"
    text = {"Content-Type": "text/plain"}
    for name in ("FR", "DE"):
        said = session.put(f"{group}/items/{name}", data=name.lower(), headers=text)
        assert said.status_code == 200
        assert said.text.startswith("Item was upserted")
    session.put(f"{group}/items/json", json={"flag": "/us.png"})
    assert session.get(f"{group}/items/FR").text == "fr"
    assert session.get(f"{group}/items/json").json() == {"flag": "/us.png"}
    assert sorted(session.get(group).json()) == ["DE", "FR", "json"]
    assert len(session.get(group, params={"maxItems": 2}).json()) == 2
    assert "marked for deletion" in session.delete(f"{group}/items/FR").text
    assert refused(session.get(f"{group}/items/FR"))[0] == 404
    assert "theirs" in session.get(f"{cloud.url}/{ITEMS}").json()


def test_their_client_makes_namespaces(cloud, session):
    url = f"{cloud.url}/edgekv/v1/networks/staging/namespaces"
    new = {"namespace": "more", "retentionInSeconds": 86400, "groupId": 0, "geoLocation": "US"}
    assert session.post(url, json=new).json() == new
    assert session.get(f"{url}/more").json() == new
    names = [one["namespace"] for one in session.get(url).json()["namespaces"]]
    assert names == ["default", NAMESPACE, "more"]
    assert refused(session.post(url, json=new))[0] == 409
    assert (
        refused(session.post(url, json={**new, "namespace": "eu", "geoLocation": "EU"}))[0] == 400
    )
    assert (
        refused(session.post(url, json={**new, "namespace": "x", "retentionInSeconds": 9}))[0]
        == 400
    )
    assert refused(session.get(f"{url}/none")) == (400, "The requested namespace does not exist.")


def test_networks_are_apart(cloud):
    cloud.made("PUT", f"{ITEMS}/{GROUP}/items/one", content="here", headers=TEXT)
    there = ITEMS.replace("staging", "production")
    assert cloud.call("GET", f"{there}/{GROUP}/items/one").status_code == 404


TEXT = {"Content-Type": "text/plain"}


@pytest.mark.parametrize(
    ("path", "content", "headers", "status"),
    [
        (f"{ITEMS}/{GROUP}/items/a.b", "x", TEXT, 400),
        (f"{ITEMS}/{GROUP}/items/{'k' * 513}", "x", TEXT, 400),
        (f"{ITEMS}/{'g' * 129}/items/a", "x", TEXT, 400),
        (f"{ITEMS}/{GROUP}/items/a", b"\xff\xfe", TEXT, 400),
        (f"{ITEMS}/{GROUP}/items/a", "{", {"Content-Type": "application/json"}, 400),
        (f"{ITEMS}/{GROUP}/items/a", "x", {"Content-Type": "image/png"}, 415),
        (f"{ITEMS}/{GROUP}/items/a", "x" * 262_145, TEXT, 413),
        (f"{ITEMS.replace(NAMESPACE, 'none')}/{GROUP}/items/a", "x", TEXT, 400),
        (f"{ITEMS.replace('staging', 'test')}/{GROUP}/items/a", "x", TEXT, 404),
    ],
)
def test_what_edgekv_does_not_take_is_refused(cloud, path, content, headers, status):
    assert refused(cloud.call("PUT", path, content=content, headers=headers))[0] == status


def test_a_value_of_the_largest_size_is_taken(cloud):
    cloud.made("PUT", f"{ITEMS}/{GROUP}/items/large", content="x" * 262_144, headers=TEXT)


def test_of_a_large_group_only_some_items_are_listed(tmp_path):
    with open_akamai(tmp_path, listed_items=7, listed_by_default=5) as cloud:
        for number in range(9):
            cloud.made("PUT", f"{ITEMS}/g/items/{number}", content="x", headers=TEXT)
        assert len(cloud.made("GET", f"{ITEMS}/g").json()) == 5
        assert len(set(cloud.made("GET", f"{ITEMS}/g?maxItems=9").json())) == 7


def test_too_many_hits_a_second_are_refused_until_the_next(tmp_path):
    with open_akamai(tmp_path) as cloud:
        cloud.api.edgekv.limits = msgspec.structs.replace(cloud.api.limits, hits_per_second=2)
        cloud.clock.advance(1)
        path = f"{ITEMS}/g/items/a"
        statuses = [cloud.call("GET", path).status_code for _ in range(3)]
        assert statuses == [404, 404, 429]
        status, said = refused(cloud.call("GET", path))
        assert (status, "limit set at 2" in said) == (429, True)
        cloud.clock.advance(1)
        assert cloud.call("GET", path).status_code == 404


def test_nothing_is_there_before_edgekv_is_initialized(cloud, tmp_path):
    with open_akamai(tmp_path) as other:
        with other.store.writing() as cursor:
            cursor.execute("DELETE FROM edgekv_namespaces")
        assert other.made("GET", "edgekv/v1/initialize").json()["accountStatus"] == "UNINITIALIZED"
        assert refused(other.call("GET", "edgekv/v1/networks/staging/namespaces"))[0] == 404
    said = cloud.made("GET", "edgekv/v1/initialize").json()
    assert said["productionStatus"] == "INITIALIZED"


def test_our_signature_is_theirs(cloud):
    known = cloud.client.credentials
    theirs = EdgeGridAuthHeaders(known.client_token, known.client_secret, known.access_token)
    when, nonce = "20261126T12:00:00+0000", "a-nonce"
    for method, body in (("GET", None), ("PUT", "text"), ("POST", "x" * 140_000)):
        url = "https://host.test/edgeworkers/v1/ids/1/versions?a=b%20c&d"
        request = requests.Request(method, url, data=body).prepare()
        unsigned = unsigned_header(known, when, nonce)
        hashed = content_hash(method, (body or "").encode())
        target = "/edgeworkers/v1/ids/1/versions?a=b%20c&d"
        data = data_to_sign(method, "https", "host.test", target, hashed, unsigned)
        ours = f"{unsigned}signature={sign(known.client_secret, when, data)}"
        assert ours == theirs.make_auth_header(request, when, nonce)


def test_a_request_is_signed_anew_each_time_and_never_taken_twice(cloud):
    path = f"/{ITEMS}/{GROUP}/items/none"
    auth = EdgeGridAuth(cloud.client.credentials)
    request = cloud.http.build_request("GET", path)
    signed = next(auth.auth_flow(request)).headers["authorization"]
    again = next(auth.auth_flow(request)).headers["authorization"]
    assert signed != again
    send = {"headers": {"authorization": signed}}
    assert cloud.http.get(path, **send).status_code == 404
    assert refused(cloud.http.get(path, **send)) == (401, "Nonce has already been used")


@pytest.mark.parametrize("off", [-31, 31])
def test_a_clock_that_is_off_is_refused(cloud, off):
    auth = EdgeGridAuth(cloud.client.credentials, lambda: time.time() + off)
    answer = cloud.http.get("/edgekv/v1/initialize", auth=auth)
    assert refused(answer) == (401, "Invalid timestamp")


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("client_token", "Inactive client token"),
        ("access_token", "Invalid access token"),
        ("client_secret", "The signature does not match"),
    ],
)
def test_other_credentials_are_refused(cloud, field, said):
    other = msgspec.structs.replace(cloud.client.credentials, **{field: "other"})
    answer = cloud.http.get("/edgekv/v1/initialize", auth=EdgeGridAuth(other))
    assert refused(answer) == (401, said)
    assert cloud.http.get("/edgekv/v1/initialize").status_code == 401


def test_a_body_that_was_changed_on_the_way_is_refused(cloud):
    path = "/edgekv/v1/networks/staging/namespaces"
    request = cloud.http.build_request("POST", path, json={"namespace": "a"})
    signed = next(EdgeGridAuth(cloud.client.credentials).auth_flow(request)).headers
    answer = cloud.http.post(
        path, json={"namespace": "b"}, headers={"authorization": signed["authorization"]}
    )
    assert refused(answer) == (401, "The signature does not match")


def test_a_client_may_do_what_it_was_granted_and_no_more(cloud):
    reader = cloud.admit(Grant("edgekv", "READ-ONLY"))
    other = cloud.admit(Grant("edgeworkers"))
    path = f"{ITEMS}/{GROUP}/items/granted"
    assert cloud.call("GET", path, by=reader).status_code == 404
    for client, method in ((reader, "PUT"), (reader, "DELETE"), (other, "GET")):
        answer = cloud.call(method, path, by=client)
        assert refused(answer)[0] == 403
    cloud.api.gate.clients[-1] = msgspec.structs.replace(other, active=False)
    assert refused(cloud.call("GET", path, by=other))[0] == 401
