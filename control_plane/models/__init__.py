"""Learns features, segments, popularity, neighbours and visitor rows from the event log."""
