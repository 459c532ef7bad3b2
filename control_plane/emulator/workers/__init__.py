"""Cloudflare's Workers API v4: scripts, versions, deployments, secrets and routes, kept on disk."""
