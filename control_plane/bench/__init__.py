"""Measures the edge side by side with simpler workers, on a shop of its own making."""
