"""The guides name scripts to measure with; each must start as the guides say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SCRIPTS = [
    f
    for f in sorted(HERE.glob("*.py"))
    if "__main__" in f.read_text("utf-8") and f != Path(__file__)
]


def test_there_are_scripts():
    assert len(SCRIPTS) >= 5


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_script_starts_as_a_file(script, tmp_path):
    run = subprocess.run(
        [sys.executable, str(script), "--help"], cwd=tmp_path, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert script.name in run.stdout
