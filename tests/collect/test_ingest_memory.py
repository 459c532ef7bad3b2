"""However large a file is, taking it in needs little memory."""

import subprocess
import sys

import pytest


@pytest.mark.slow
def test_memory_stays_bounded_on_a_large_file(project, tmp_path):
    """A million rows with little memory for DuckDB: what does not fit goes to disk."""
    file = tmp_path / "large.csv"
    with file.open("w") as stream:
        stream.write("timestamp,item_id,anonymous_id,session_id,country\n")
        for n in range(1_000_000):
            at = 1_770_000_000 + n
            stream.write(f"{at},item-number-{n % 9973},visitor-{n % 50_021},s{n // 7},FR\n")
    script = f"""
import re
from pathlib import Path
from control_plane.collect.ingest import ingest
from control_plane.settings import Project, Settings
project = Project(Path({str(project.root)!r}), Settings())
report = ingest(project, Path({str(file)!r}), memory_limit="250MB")
assert report.stored == 1_000_000, report
# Not ru_maxrss, which starts at what the process that spawned this one had.
status = Path("/proc/self/status").read_text()
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1]) // 1024)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 700  # MB
