"""Signing keys: made, followed, revoked, locked away, and taken from the environment."""

import base64
import json
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from control_plane.envelope import HEAD, fingerprint, seal, unseal
from control_plane.errors import InputError, TableError
from control_plane.keyring import load_ring, load_signing_key, make_keys, trusted_keys
from control_plane.keyring.rotation import list_keys, lock_keys, new_key, revoke_key, rotate_key

PHRASE = "a horse of many words"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_keys(tmp_path / "keys")
    return tmp_path / "keys"


def states(folder: Path) -> dict[str, str]:
    return {one.id: one.state for one in list_keys(folder) if one.name == "head"}


def signer(folder: Path) -> str:
    return fingerprint(load_signing_key(folder, "head").public_key())


def believed(folder: Path, value: bytes) -> bool:
    try:
        return unseal(HEAD, "toys", "dev", value, trusted_keys(folder, "head")) == b"body"
    except TableError:
        return False


def signed(folder: Path) -> bytes:
    return seal(HEAD, "toys", "dev", b"body", load_signing_key(folder, "head"))


def test_a_key_is_believed_before_it_signs_and_after_it_signed_until_it_is_revoked(folder):
    old = signer(folder)
    by_old = signed(folder)
    new = new_key(folder, "head").id
    assert states(folder) == {old: "signs", new: "next"}
    assert signer(folder) == old
    assert rotate_key(folder, "head") == (new, old)
    assert states(folder) == {new: "signs", old: "trusted"}
    assert believed(folder, by_old)
    assert believed(folder, signed(folder))
    revoke_key(folder, old, 12)
    assert states(folder) == {new: "signs", old: "revoked"}
    assert not believed(folder, by_old)
    assert believed(folder, signed(folder))
    assert load_ring(folder).min_counter == 12


def test_rotating_without_a_next_key_makes_one(folder):
    old = signer(folder)
    new, before = rotate_key(folder, "head")
    assert (before, signer(folder)) == (old, new)


def test_only_the_key_named_rotates(folder):
    release = fingerprint(load_signing_key(folder, "release").public_key())
    rotate_key(folder, "head")
    assert fingerprint(load_signing_key(folder, "release").public_key()) == release


def test_a_second_next_key_is_refused(folder):
    waiting = new_key(folder, "head")
    with pytest.raises(InputError, match=f"{waiting.id} waits to sign already"):
        new_key(folder, "head")


def test_the_key_that_signs_cannot_be_revoked(folder):
    with pytest.raises(InputError, match="keys rotate head"):
        revoke_key(folder, signer(folder), 0)


def test_a_next_key_that_was_revoked_never_signs(folder):
    gone = new_key(folder, "head").id
    revoke_key(folder, gone, 0)
    assert gone not in trusted(folder)
    assert rotate_key(folder, "head")[0] != gone


def test_unknown_keys_are_named_with_a_remedy(folder):
    with pytest.raises(InputError, match="is no key of this project"):
        revoke_key(folder, "00000000", 0)


def test_revoking_never_lowers_the_least_counter(folder):
    for least in (30, 7):
        _new, old = rotate_key(folder, "head")
        revoke_key(folder, old, least)
    assert load_ring(folder).min_counter == 30


def test_each_step_cut_short_can_be_repeated(folder, monkeypatch):
    monkeypatch.setattr("control_plane.keyring.rotation.save_ring", cut)
    with pytest.raises(KeyboardInterrupt):
        new_key(folder, "head")
    monkeypatch.undo()
    # The private half was there, and nobody believed it yet: it is the one that goes on.
    waiting = new_key(folder, "head").id
    assert states(folder)[waiting] == "next"
    assert rotate_key(folder, "head")[0] == waiting
    old = next(key for key, state in states(folder).items() if state == "trusted")
    monkeypatch.setattr("control_plane.keyring.rotation.save_ring", cut)
    with pytest.raises(KeyboardInterrupt):
        revoke_key(folder, old, 5)
    assert states(folder)[old] == "trusted"
    assert load_ring(folder).min_counter == 0


def cut(*_arguments: object) -> None:
    raise KeyboardInterrupt


def test_encrypted_keys_need_the_passphrase_and_say_so(folder, monkeypatch):
    before = signer(folder)
    assert lock_keys(folder, PHRASE) == ["release.pem", "head.pem"]
    assert b"ENCRYPTED" in (folder / "head.pem").read_bytes()
    with pytest.raises(InputError, match="FRONTSHELF_PASSPHRASE is not in the environment"):
        load_signing_key(folder, "head")
    monkeypatch.setenv("FRONTSHELF_PASSPHRASE", "another one")
    with pytest.raises(InputError, match="does not open") as refused:
        load_signing_key(folder, "head")
    assert "another one" not in str(refused.value)
    monkeypatch.setenv("FRONTSHELF_PASSPHRASE", PHRASE)
    assert signer(folder) == before
    assert {one.encrypted for one in list_keys(folder)} == {True}
    lock_keys(folder, None)
    monkeypatch.delenv("FRONTSHELF_PASSPHRASE")
    assert signer(folder) == before


def test_a_key_that_follows_an_encrypted_one_is_encrypted_too(folder, monkeypatch):
    lock_keys(folder, PHRASE)
    monkeypatch.setenv("FRONTSHELF_PASSPHRASE", PHRASE)
    rotate_key(folder, "head")
    assert b"ENCRYPTED" in (folder / "head.pem").read_bytes()
    assert signer(folder)


def test_openssl_reads_an_encrypted_key(folder):
    lock_keys(folder, PHRASE)
    command = ["openssl", "pkey", "-in", "head.pem", "-noout", "-text", "-passin", f"pass:{PHRASE}"]
    said = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
    assert "ED25519" in said.upper()


def test_public_keys_are_enough_to_check_by(folder):
    value = signed(folder)
    (folder / "head.pem").unlink()
    assert believed(folder, value)
    with pytest.raises(InputError, match="FRONTSHELF_HEAD_KEY"):
        load_signing_key(folder, "head")


@pytest.mark.parametrize("form", ["pem", "pem of one line", "base64"])
def test_a_key_in_the_environment_needs_no_file(folder, monkeypatch, form):
    pem = (folder / "head.pem").read_text()
    raw = base64.b64encode(load_signing_key(folder, "head").private_bytes_raw()).decode()
    value, id = signed(folder), signer(folder)
    (folder / "head.pem").unlink()
    forms = {"pem": pem, "pem of one line": pem.replace("\n", "\\n"), "base64": raw}
    monkeypatch.setenv("FRONTSHELF_HEAD_KEY", forms[form])
    assert (signer(folder), signed(folder)) == (id, value)
    with pytest.raises(InputError, match="FRONTSHELF_HEAD_KEY holds the private head key"):
        rotate_key(folder, "head")


def test_a_malformed_key_in_the_environment_is_not_repeated(folder, monkeypatch):
    monkeypatch.setenv("FRONTSHELF_HEAD_KEY", "c2VjcmV0")
    with pytest.raises(InputError, match="neither a PEM private key nor") as refused:
        load_signing_key(folder, "head")
    assert "c2VjcmV0" not in str(refused.value)


def test_a_private_key_that_nobody_believes_signs_nothing(folder, monkeypatch):
    stranger = base64.b64encode(Ed25519PrivateKey.generate().private_bytes_raw()).decode()
    monkeypatch.setenv("FRONTSHELF_HEAD_KEY", stranger)
    with pytest.raises(InputError, match="not among those that the edge believes"):
        load_signing_key(folder, "head")


def test_init_makes_no_private_key_where_public_ones_are_named(folder):
    (folder / "release.pem").unlink()
    assert make_keys(folder) == []


def test_a_project_of_an_older_version_rotates_too(folder):
    (folder / "public.json").unlink()
    old = signer(folder)
    new = new_key(folder, "head").id
    assert trusted(folder) == [old, new]


def test_a_public_key_that_is_not_what_it_is_called_is_refused(folder):
    ring = json.loads((folder / "public.json").read_text())
    ring["head"][0]["public"] = ring["release"][0]["public"]
    (folder / "public.json").write_text(json.dumps(ring))
    with pytest.raises(InputError, match=r"public\.json.*is not the fingerprint"):
        load_ring(folder)


def trusted(folder: Path) -> list[str]:
    return [one.id for one in load_ring(folder).head]
