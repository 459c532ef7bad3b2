"""Finds an API client's credentials: in the environment or keyring, else in an .edgerc file."""

from __future__ import annotations

import os
from configparser import Error, RawConfigParser
from pathlib import Path

from control_plane.deploy.akamai.edgegrid import MAX_BODY, Credentials
from control_plane.errors import InputError
from control_plane.keyring import credential

#: Field -> the variable that holds it.
VARIABLES = {
    "host": "AKAMAI_HOST",
    "client_token": "AKAMAI_CLIENT_TOKEN",
    "client_secret": "AKAMAI_CLIENT_SECRET",
    "access_token": "AKAMAI_ACCESS_TOKEN",
}
FILE_VARIABLE = "AKAMAI_EDGERC"


def load_credentials(section: str) -> Credentials:
    """Return the credentials of the environment, else those of a section of the file.

    The file is the one that AKAMAI_EDGERC names, else `.edgerc` in the home directory. Raises
    InputError that says what is missing, and never what is there.
    """
    found = {field: credential(name) or "" for field, name in VARIABLES.items()}
    if any(found[field] for field in VARIABLES if field != "host"):
        return _whole(found, "the environment", list(VARIABLES.values()))
    return read_edgerc(Path(os.environ.get(FILE_VARIABLE) or Path.home() / ".edgerc"), section)


def read_edgerc(file: Path, section: str) -> Credentials:
    """Return the credentials of a file's section."""
    parser = RawConfigParser()
    try:
        parser.read_string(file.read_text("utf-8"))
    except FileNotFoundError as error:
        raise InputError(
            f"no Akamai credentials: {VARIABLES['client_token']} and its like are not in the "
            f"environment, and there is no {file}",
            remedy="Make an API client and export its credentials, or save its file "
            "(docs/akamai.md).",
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read ({type(error).__name__})", file=file) from error
    except Error as error:
        # Its own words would quote the line.
        raise InputError(
            f"is no .edgerc file ({type(error).__name__})",
            file=file,
            remedy="Download the API client's file anew.",
        ) from error
    if not parser.has_section(section):
        raise InputError(
            f"has no section [{section}]; there are {', '.join(parser.sections()) or 'none'}",
            file=file,
            remedy="Name one of them as akamai.edgerc_section in frontshelf.toml.",
        )
    values = dict(parser.items(section))
    wanted = {field: values.get(field, "").strip().strip("\"'") for field in VARIABLES}
    most = values.get("max_body", values.get("max-body", ""))
    return _whole(wanted, f"{file}, section [{section}]", list(VARIABLES), most)


def _whole(found: dict[str, str], where: str, names: list[str], most: str = "") -> Credentials:
    missing = [name for name, value in zip(names, found.values(), strict=True) if not value]
    if missing:
        raise InputError(
            f"{where} lacks {', '.join(missing)}",
            remedy="All four come with an API client (docs/akamai.md).",
        )
    host = found["host"].removeprefix("https://").rstrip("/")
    max_body = int(most) if most.isdecimal() else MAX_BODY
    return Credentials(**{**found, "host": host}, max_body=max_body)
