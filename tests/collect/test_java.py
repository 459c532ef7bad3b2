"""Which Java Spark is started with, and what is said when there is none."""

from __future__ import annotations

import pytest

from control_plane.collect.engine.java import find_java
from control_plane.errors import WorkError


def make_java(home, version):
    """Make a program that says which Java it is, as Java does."""
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2026-01-20' >&2\n")
    program.chmod(0o755)
    return home


def test_java_home_goes_before_path_and_path_before_what_is_installed(tmp_path):
    named, found, kept = (
        make_java(tmp_path / name, "17.0.15") for name in ("named", "found", "jvm/java-21")
    )
    path = {"PATH": str(found / "bin")}
    assert find_java({"JAVA_HOME": str(named), **path}, kept.parent) == named
    assert find_java(path, kept.parent) == found
    assert find_java({}, kept.parent) == kept


def test_a_newer_java_that_is_installed_goes_before_an_old_one_in_path(tmp_path):
    old = make_java(tmp_path / "old", "1.8.0_402")
    kept = make_java(tmp_path / "jvm" / "java-17", "17.0.15")
    assert find_java({"PATH": str(old / "bin")}, kept.parent) == kept


@pytest.mark.parametrize(("version", "named"), [("11.0.2", "is Java 11"), (None, "no bin/java")])
def test_a_java_home_that_will_not_do_is_named(tmp_path, version, named):
    home = make_java(tmp_path / "home", version) if version else tmp_path
    with pytest.raises(WorkError, match=f"JAVA_HOME={home} .*{named}") as failed:
        find_java({"JAVA_HOME": str(home)}, tmp_path / "none")
    assert "apt install" in str(failed.value)


def test_without_any_java_it_is_said_what_to_install(tmp_path):
    with pytest.raises(WorkError, match=r"none was found .*Install Java 17 or newer"):
        find_java({"PATH": str(tmp_path)}, tmp_path / "none")
