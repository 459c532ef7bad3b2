#!/usr/bin/env python3
"""Makes edge_bundle/sdk.js, the one small script that pages load, of edge_bundle/pages/.

Needs npm, which fetches the minifier once. The first line of what is made names the digest of
its sources, so that a test can tell whether the two still fit.
"""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

BUNDLE = Path(__file__).resolve().parents[1] / "edge_bundle"
MINIFIER = "esbuild@0.28.2"


def header() -> str:
    """Return the first line of sdk.js for the sources as they are."""
    sources = b"".join(file.read_bytes() for file in sorted((BUNDLE / "pages").glob("*.js")))
    digest = hashlib.sha256(sources).hexdigest()[:16]
    return (
        f"// Made of pages/ ({digest}) by scripts/bundle_sdk.py; docs/edge.md says what it does.\n"
    )


def bundle() -> str:
    """Return the script, minified."""
    options = ["--bundle", "--minify", "--format=iife", "--target=es2022", "--charset=utf8"]
    command = ["npm", "exec", "--yes", f"--package={MINIFIER}", "--", "esbuild", "start.js"]
    made = subprocess.run(
        [*command, *options], cwd=BUNDLE / "pages", check=True, capture_output=True, text=True
    )
    return header() + made.stdout


if __name__ == "__main__":
    (BUNDLE / "sdk.js").write_text(bundle(), encoding="utf-8")
