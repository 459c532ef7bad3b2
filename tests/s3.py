"""A real S3 server of this machine, with one empty bucket."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import boto3
import msgspec
import pytest
from moto.server import ThreadedMotoServer

from control_plane.settings import Archive, Project

BUCKET = "shelf"


@contextmanager
def serve_s3() -> Iterator[str]:
    """Serve; yield the address."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@contextmanager
def empty_bucket(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator:
    """Make the bucket, and credentials in the environment; yield a client, and empty it again."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "some")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    client = boto3.client("s3", endpoint_url=url)
    client.create_bucket(Bucket=BUCKET)
    yield client
    for one in client.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        client.delete_object(Bucket=BUCKET, Key=one["Key"])
    client.delete_bucket(Bucket=BUCKET)


def with_archive(project: Project, archive: Archive) -> Project:
    """Return a project with an archive."""
    changed = msgspec.structs.replace(project.settings, archive=archive)
    return msgspec.structs.replace(project, settings=changed)
