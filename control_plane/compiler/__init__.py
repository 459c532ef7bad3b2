"""Compiles a model and rules into signed, content-addressed tables."""
