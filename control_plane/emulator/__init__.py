"""Runs the edge on a laptop: workerd as a subprocess over a local CDN."""

from control_plane.emulator.clock import ManualClock
from control_plane.emulator.faults import Fault
from control_plane.emulator.miniflare import Miniflare
from control_plane.emulator.options import Options
from control_plane.emulator.usage import Allowance
from control_plane.emulator.view import STRICT, View

__all__ = ["STRICT", "Allowance", "Fault", "ManualClock", "Miniflare", "Options", "View"]
