"""Finds the Java that Spark runs on."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from control_plane.errors import WorkError

#: What Spark 4 runs on.
LEAST_VERSION = 17

#: Where Debian keeps every Java that is installed.
INSTALLED = Path("/usr/lib/jvm")

REMEDY = (
    f"Install Java {LEAST_VERSION} or newer (on Debian: apt install default-jre-headless), or name "
    "its folder in JAVA_HOME."
)


def find_java(environment: Mapping[str, str], installed: Path = INSTALLED) -> Path:
    """Return the home of a Java that Spark runs on: JAVA_HOME, the one in PATH, or an installed.

    Raises WorkError when there is none; a JAVA_HOME that will not do is never passed over.
    """
    if named := environment.get("JAVA_HOME"):
        home = Path(named)
        if (version := _version(home)) < LEAST_VERSION:
            found = f"is Java {version}" if version else "has no bin/java that runs"
            raise WorkError(
                f"Spark needs Java {LEAST_VERSION}, and JAVA_HOME={home} {found}. {REMEDY}"
            )
        return home
    program = shutil.which("java", path=environment.get("PATH", ""))
    homes = [Path(program).resolve().parent.parent] if program else []
    homes += sorted(installed.glob("*"), reverse=True)
    for home in homes:
        if _version(home) >= LEAST_VERSION:
            return home
    tried = ", ".join(map(str, homes)) or "nothing in PATH, nothing installed"
    raise WorkError(f"Spark needs Java {LEAST_VERSION}, and none was found ({tried}). {REMEDY}")


def _version(home: Path) -> int:
    """Return the major version of the Java there, 0 when there is none that runs."""
    try:
        told = subprocess.run(
            [home / "bin" / "java", "-version"], capture_output=True, text=True, check=False
        )
    except OSError:
        return 0
    found = re.search(r'version "(?:1\.)?(\d+)', told.stderr)
    return int(found[1]) if found and told.returncode == 0 else 0
