"""Cloudflare: Workers KV as a target, Workers as a platform that runs the worker."""
