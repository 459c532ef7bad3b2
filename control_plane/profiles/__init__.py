"""Turns the event log into people and sessions: identity, consent, sessions."""
