"""An unmodified wrangler drives the local API, and what it deployed answers in workerd."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from cloud import NAMESPACE, TOKEN, Cloud, open_cloud
from wrangled import Wrangler

from control_plane.emulator.account import ACCOUNT
from control_plane.emulator.miniflare import Miniflare
from control_plane.emulator.workers.serve import uploaded_options

pytestmark = pytest.mark.slow


@pytest.fixture
def cloud(tmp_path) -> Iterator[Cloud]:
    with open_cloud(tmp_path / "cloud") as cloud:
        yield cloud


@pytest.fixture
def wrangler(cloud, tmp_path) -> Wrangler:
    return Wrangler(
        tmp_path,
        CLOUDFLARE_API_BASE_URL=cloud.url,
        CLOUDFLARE_API_TOKEN=TOKEN,
        CLOUDFLARE_ACCOUNT_ID=ACCOUNT,
    )


def done(wrangler: Wrangler, *arguments: str, stdin: str = "") -> str:
    """Run a command that must go well; return what it says."""
    run = wrangler.run(*arguments, stdin=stdin)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def test_it_deploys_the_bundle_and_works_with_versions_and_secrets(cloud, wrangler):
    done(wrangler, "deploy")
    done(wrangler, "secret", "put", "API_TOKEN", stdin="sesame\n")
    assert json.loads(done(wrangler, "secret", "list")) == [
        {"name": "API_TOKEN", "type": "secret_text"}
    ]
    done(wrangler, "secret", "delete", "API_TOKEN")
    assert cloud.result("GET", f"{cloud.scripts}/frontshelf/secrets") == []
    uploaded = done(wrangler, "versions", "upload", "--tag", "t1", "--message", "hello")
    newer = re.findall(r"Version ID: (\S+)", uploaded)[0]
    assert "Tag:         t1" in done(wrangler, "versions", "list")
    before = cloud.api.workers.records.versions("frontshelf")[1].id
    shares = [f"{newer}@10%", f"{before}@90%"]
    done(wrangler, "versions", "deploy", *shares, "--yes", "--message", "a tenth")
    listed = done(wrangler, "deployments", "list")
    assert f"(10%) {newer}" in listed
    assert "a tenth" in listed
    with Miniflare(uploaded_options(cloud.api.workers.records, "frontshelf")) as worker:
        health = worker.dispatch_fetch("http://shop.example/_fs/health").json()
    assert health["faults"] == {"head_missing": 1}


def test_it_writes_and_reads_pairs(cloud, wrangler, tmp_path):
    where = ["--namespace-id", NAMESPACE, "--remote"]
    done(wrangler, "kv", "key", "put", "greeting", "hello", *where)
    assert done(wrangler, "kv", "key", "get", "greeting", "--text", *where) == "hello\n"
    file = tmp_path / "pairs.json"
    file.write_text(json.dumps([{"key": f"k{number}", "value": "v"} for number in range(3)]))
    done(wrangler, "kv", "bulk", "put", str(file), *where)
    found = [key.name for key in cloud.api.store.list_keys(NAMESPACE).keys]
    assert found == ["greeting", "k0", "k1", "k2"]
