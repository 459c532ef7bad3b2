"""`frontshelf keys`: a rotation from end to end, and what a wrong order of it is told."""

from __future__ import annotations

import json

from toy_shop import compile_toy

CLOUDFLARE = ("--target", "cloudflare")


def found(call, *arguments, **more):
    """Return the report of a command as JSON."""
    return json.loads(call(*arguments, "--json", **more).stdout)


def states(call):
    return {one["id"]: one["state"] for one in found(call, "keys", "list") if one["name"] == "head"}


def test_a_head_key_rotates_while_the_edge_goes_on(call, toy):
    compile_toy(toy)
    call("worker", "upload", *CLOUDFLARE)
    assert found(call, "deploy", *CLOUDFLARE)["counter"] == 1
    (old,) = states(call)

    new = found(call, "keys", "rotate", "head")["signs"]
    assert states(call) == {new: "signs", old: "trusted"}
    refused = call("deploy", *CLOUDFLARE, status=2).output
    assert f"does not believe head key {new}" in refused
    assert "frontshelf worker upload" in refused

    call("worker", "upload", *CLOUDFLARE)
    early = call("keys", "revoke", old, status=2).output
    assert f"{old} signed the head at cloudflare" in early
    again = found(call, "deploy", *CLOUDFLARE)
    assert (again["written"], again["head_moved"], again["counter"]) == (0, True, 2)
    assert found(call, "deploy", *CLOUDFLARE)["head_moved"] is False

    assert found(call, "keys", "revoke", old)["min_counter"] == 2
    changes = found(call, "worker", "upload", *CLOUDFLARE)["plan"]["changes"]
    assert {one["name"] for one in changes} == {"HEAD_KEYS", "MIN_COUNTER"}
    assert found(call, "status", *CLOUDFLARE)["counter"] == 2
    assert call("doctor", *CLOUDFLARE)
    assert states(call) == {new: "signs", old: "revoked"}


def test_a_release_that_a_revoked_key_signed_is_not_rolled_back_to(call, toy):
    before = compile_toy(toy).release
    call("deploy", *CLOUDFLARE)
    old = found(call, "keys", "rotate", "release")["before"]
    early = call("keys", "revoke", old, status=2).output
    assert f"{old} signed the live release {before}" in early
    now = compile_toy(toy).release
    assert now != before
    call("deploy", *CLOUDFLARE)
    call("keys", "revoke", old)
    refused = call("rollback", before, *CLOUDFLARE, status=1).output
    assert f"the edge would refuse release {before}" in refused
    assert found(call, "status", *CLOUDFLARE)["live"] == now


def test_after_a_theft_nothing_is_waited_for(call, toy):
    compile_toy(toy)
    call("deploy", *CLOUDFLARE)
    old = found(call, "keys", "rotate", "release")["before"]
    assert found(call, "keys", "revoke", old, "--unchecked")["min_counter"] == 2
    compile_toy(toy)
    assert found(call, "deploy", *CLOUDFLARE)["counter"] >= 2


def test_what_cannot_be_looked_at_is_not_revoked_by_chance(call, toy, cloud):
    compile_toy(toy)
    call("deploy", *CLOUDFLARE)
    old = found(call, "keys", "rotate", "head")["before"]
    gone = call("keys", "revoke", old, status=1, token="expired").output
    assert "is not known; '--target' names other targets, '--unchecked' none" in gone
    assert "expired" not in gone
    assert states(call)[old] == "trusted"


def test_keys_are_encrypted_and_opened_again(call, toy):
    short = call("keys", "encrypt", status=2, FRONTSHELF_NEW_PASSPHRASE="short").output
    assert "shorter than 12" in short
    phrase = "correct horse battery"
    said = call("keys", "encrypt", FRONTSHELF_NEW_PASSPHRASE=phrase)
    assert "encrypted: release.pem, head.pem" in said.output
    assert phrase not in said.output
    assert "not in the environment" in call("keys", "list", status=2).output
    assert "encrypted" in call("keys", "list", FRONTSHELF_PASSPHRASE=phrase).stdout
    call("keys", "decrypt", FRONTSHELF_PASSPHRASE=phrase)
    assert "not encrypted" in call("keys", "list").stdout


def test_the_new_key_is_said_with_what_comes_next(call):
    said = call("keys", "new", "head")
    assert "is to sign next" in said.output
    assert "'frontshelf worker upload', 'frontshelf keys rotate head'" in said.output
