"""`frontshelf keys`: the keys that sign releases and heads."""

from __future__ import annotations

import click

from control_plane.cli.options import json_option, project_option, report
from control_plane.cli.targets import NETWORKS, TARGETS, name_on, open_recorded, recorded
from control_plane.deploy.record import highest_counter, record_file
from control_plane.deploy.trust import check_unused
from control_plane.errors import InputError, PlatformError
from control_plane.keyring.credentials import credential
from control_plane.keyring.rotation import (
    KeyEntry,
    list_keys,
    lock_keys,
    new_key,
    revoke_key,
    rotate_key,
)
from control_plane.keyring.signing import PASSPHRASE, SIGNING
from control_plane.settings import Project

NEW_PASSPHRASE = "FRONTSHELF_NEW_PASSPHRASE"
#: Shorter passphrases are guessed from a stolen file.
LEAST_LENGTH = 12

name_argument = click.argument("name", type=click.Choice(SIGNING))


@click.group()
def keys() -> None:
    """Rotate the keys that sign releases and heads: new → rotate → revoke."""


@keys.command("list")
@project_option
@json_option
def list_(project: Project, as_json: bool) -> None:
    """List the signing keys and what each does; private halves are never shown."""
    found = list_keys(project.keys)
    report(found, as_json, lambda: [_line(one) for one in found])


@keys.command()
@name_argument
@project_option
@json_option
def new(name: str, project: Project, as_json: bool) -> None:
    """Make the key that is to sign next, so that the edge believes it in time."""
    made = new_key(project.keys, name)
    report(made, as_json, lambda: [f"{name} key {made.id} is to sign next"])
    _next("frontshelf worker upload", f"frontshelf keys rotate {name}")


@keys.command()
@name_argument
@project_option
@json_option
def rotate(name: str, project: Project, as_json: bool) -> None:
    """Sign with the next key from now on; the one before stays believed until it is revoked."""
    now, before = rotate_key(project.keys, name)
    facts = {"name": name, "signs": now, "before": before}
    report(facts, as_json, lambda: [f"{name} key {now} signs; {before} is still believed"])
    again = ("frontshelf compile",) if name == "release" else ()
    revoke = f"frontshelf keys revoke {before}"
    _next("frontshelf worker upload", *again, "frontshelf deploy", revoke)


@keys.command()
@click.argument("key_id", metavar="KEY")
@click.option(
    "--target",
    "target_names",
    multiple=True,
    type=click.Choice(TARGETS),
    help="Where nothing may rest on the key (default: wherever this machine deployed).",
)
@click.option("--unchecked", is_flag=True, help="Revoke at once, whatever rests on it: a theft.")
@project_option
@json_option
def revoke(
    key_id: str, target_names: tuple[str, ...], unchecked: bool, project: Project, as_json: bool
) -> None:
    """Let the edge believe KEY no longer, nor heads older than those of today."""
    known = {*TARGETS, *(name_on(network) for network in NETWORKS)}
    deployed = [name for name in sorted(known) if record_file(project, name).exists()]
    names = [recorded(project, name) for name in target_names] or deployed
    if unchecked:
        least = 1 + max((highest_counter(project, name) for name in names), default=0)
    else:
        least = min((_counter(project, name, key_id) for name in names), default=0)
    gone = revoke_key(project.keys, key_id, least)
    facts = {"name": gone.name, "revoked": gone.id, "min_counter": least}
    report(facts, as_json, lambda: [f"{gone.name} key {gone.id} is revoked"])
    again = ("frontshelf compile", "frontshelf deploy") if unchecked else ()
    _next("frontshelf worker upload", *again)


@keys.command()
@project_option
@json_option
def encrypt(project: Project, as_json: bool) -> None:
    """Encrypt the private keys' files by a passphrase: FRONTSHELF_NEW_PASSPHRASE, or asked for."""
    passphrase = credential(NEW_PASSPHRASE) or click.prompt(
        "New passphrase", hide_input=True, confirmation_prompt=True, err=True
    )
    if len(passphrase) < LEAST_LENGTH:
        raise InputError(
            f"the passphrase is shorter than {LEAST_LENGTH} characters",
            remedy="Take several words, or what a password manager makes.",
        )
    done = lock_keys(project.keys, passphrase)
    report(done, as_json, lambda: [f"encrypted: {', '.join(done)}"])
    click.echo(f"From now on {PASSPHRASE} must say it (docs/deploy.md).", err=True)


@keys.command()
@project_option
@json_option
def decrypt(project: Project, as_json: bool) -> None:
    """Store the private keys' files open again, readable by their owner only."""
    done = lock_keys(project.keys, None)
    report(done, as_json, lambda: [f"no longer encrypted: {', '.join(done)}"])


def _counter(project: Project, name: str, key_id: str) -> int:
    try:
        with open_recorded(project, name) as target:
            return check_unused(target, project, key_id)
    except PlatformError as error:
        raise PlatformError(
            f"{error}\n  Whether something at {name} rests on {key_id} is not known; "
            "'--target' names other targets, '--unchecked' none."
        ) from error


def _line(one: KeyEntry) -> str:
    locked = {True: "  encrypted", False: "  not encrypted", None: ""}[one.encrypted]
    when = f"  revoked {one.revoked}" if one.revoked else f"  made {one.made}" if one.made else ""
    return f"{one.name:<8} {one.id}  {one.state:<8}{when}{locked}"


def _next(*commands: str) -> None:
    click.echo(f"Next: {', '.join(repr(command) for command in commands)}.", err=True)
