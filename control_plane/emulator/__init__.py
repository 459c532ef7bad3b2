"""Runs the edge on a laptop: workerd as a subprocess over a local CDN."""
