"""What tests of the command line share."""

import subprocess
import sys
from collections.abc import Callable

Run = Callable[..., subprocess.CompletedProcess[str]]

COMMAND = (sys.executable, "-c", "from control_plane.cli import main; main()")
