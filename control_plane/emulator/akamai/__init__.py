"""Runs an Akamai code bundle in workerd, over an EdgeKV that shares the local store."""

from control_plane.emulator.akamai.run import AkamaiLimits, akamai_options

__all__ = ["AkamaiLimits", "akamai_options"]
