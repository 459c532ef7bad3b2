"""Fetch workerd before the tests, so that no test pays for it; prints where it is."""

import sys

from control_plane.emulator.binary import find_workerd
from control_plane.errors import FrontshelfError

try:
    print(find_workerd(lambda words: print(words, file=sys.stderr, flush=True)))
except FrontshelfError as error:
    sys.exit(str(error))
