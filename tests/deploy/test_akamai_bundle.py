"""The code bundle for Akamai: one archive that needs nothing beside itself and the platform."""

from __future__ import annotations

import json
import posixpath
import re

import pytest

from control_plane.deploy.akamai.bundle import bundle_files, pack, unpack
from control_plane.emulator.akamai.modules import BUILT_IN, emulated_modules
from control_plane.errors import InputError

SETTINGS = {"SHOP": "toy", "RELEASE_KEYS": "k", "EDGEKV_NAMESPACE": "shelf", "EDGEKV_GROUP": "live"}
TOKENS = {"namespace-shelf": {"name": "t", "reference": "r"}}
IMPORT = re.compile(r"""^[ \t]*(?:import|export)\b(?:[^;'"()]*?\bfrom)?\s*"([^"\n]+)";""", re.M)


@pytest.fixture(scope="module")
def bundle() -> dict[str, bytes]:
    return unpack(pack(bundle_files(SETTINGS, TOKENS, "1.2.3")))


def test_every_import_leads_to_a_file_within_or_to_the_platform(bundle: dict[str, bytes]) -> None:
    found = 0
    for name, source in bundle.items():
        if not name.endswith(".js"):
            continue
        for wanted in IMPORT.findall(source.decode()):
            found += 1
            if wanted not in BUILT_IN:
                assert wanted.startswith("./"), f"{name} imports {wanted}"
                assert posixpath.normpath(posixpath.join(posixpath.dirname(name), wanted)) in bundle
    assert found > 50


def test_the_manifest_names_the_version_and_main_js_the_handler(bundle: dict[str, bytes]) -> None:
    assert json.loads(bundle["bundle.json"])["edgeworker-version"] == "1.2.3"
    assert b"export async function responseProvider" in bundle["main.js"]


def test_settings_scripts_and_tokens_travel_as_modules(bundle: dict[str, bytes]) -> None:
    assert json.loads(bundle["settings.js"].split(b"= ", 1)[1].rstrip(b";\n")) == SETTINGS
    assert json.loads(bundle["edgekv_tokens.js"].split(b"= ", 1)[1].rstrip(b";\n")) == TOKENS
    assert b"\\n" in bundle["assets.js"]


def test_the_archive_is_the_same_each_time_and_well_within_the_limits() -> None:
    packed = pack(bundle_files(SETTINGS, TOKENS, "1"))
    assert packed == pack(bundle_files(dict(reversed(SETTINGS.items())), TOKENS, "1"))
    assert len(packed) < 200_000


def test_what_is_too_large_is_refused() -> None:
    with pytest.raises(InputError, match="unpacked"):
        pack({"main.js": b"x" * 1_100_000})


def test_line_separators_in_a_setting_do_not_break_its_module() -> None:
    made = bundle_files({"SHOP": "a\u2028b"}, {}, "1")["settings.js"]
    assert "\u2028" not in made.decode()


def test_modules_of_the_emulator_do_not_meet_the_bundles(bundle: dict[str, bytes]) -> None:
    modules = emulated_modules(bundle)
    assert {name: modules[name] for name in bundle if name.endswith(".js")} == {
        name: source for name, source in bundle.items() if name.endswith(".js")
    }
