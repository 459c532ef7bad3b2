"""Runs an Akamai code bundle in workerd, over an EdgeKV that shares the local store."""

from control_plane.emulator.akamai.run import COLLECTOR, AkamaiLimits, akamai_options

__all__ = ["COLLECTOR", "AkamaiLimits", "akamai_options"]
