"""Frontshelf's control plane: from a shop's events to signed tables at the CDN edge."""

__version__ = "0.3.0"
