"""Runs the edge on a laptop: workerd as a subprocess over a local CDN."""

from control_plane.emulator.miniflare import Miniflare
from control_plane.emulator.options import Options

__all__ = ["Miniflare", "Options"]
