"""Akamai's administration APIs over the local store: EdgeKV, EdgeWorkers, and EdgeGrid before both.

Paths, states and error shapes are those of Akamai's reference; error codes are where it names them.
"""

from control_plane.emulator.akamai_api.api import AkamaiApi
from control_plane.emulator.akamai_api.auth import ApiClient, Grant

__all__ = ["AkamaiApi", "ApiClient", "Grant"]
