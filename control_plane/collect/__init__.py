"""Collects events and items: reading, validation, de-duplication, the event log."""
