"""The sample shop's own server: a small Flask origin, whole without the edge."""

from control_plane.demo.storefront.app import create_app
from control_plane.demo.storefront.serve import StorefrontServer

__all__ = ["StorefrontServer", "create_app"]
