"""Publishes releases to a CDN's key-value store, and takes them back."""
