"""Finding workerd, and fetching it with an npm that may be missing, lying or broken."""

import base64
import hashlib
import io
import subprocess
import sys
import tarfile
import textwrap
from pathlib import Path

import pytest

from control_plane.emulator import binary, npm
from control_plane.emulator.binary import find_workerd
from control_plane.errors import InputError, PlatformError

NAME = binary.platform_name()


def program(file: Path, body: str = "#!/bin/sh\n") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(body)
    file.chmod(0o755)
    return file


def package(member: str = binary.MEMBER, content: bytes = b"#!/bin/sh\necho workerd\n") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name in ("package/package.json", member):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


@pytest.fixture
def world(tmp_path, monkeypatch):
    """An environment with an empty cache, and on PATH an npm that packs what `pack` was given."""

    class World:
        def __init__(self) -> None:
            cache = tmp_path / "cache"
            self.environment = {"PATH": str(tmp_path / "bin"), "XDG_CACHE_HOME": str(cache)}
            folder = cache / "frontshelf" / f"workerd-{binary.VERSION}-{NAME}"
            self.kept, self.said = folder / "workerd", []

        def find(self) -> Path:
            return find_workerd(self.said.append, self.environment)

        def pack(self, content: bytes, digest: bytes | None = None) -> None:
            (tmp_path / "served.tgz").write_bytes(content)
            sha = hashlib.sha512(content).digest() if digest is None else digest
            monkeypatch.setattr(binary, "DIGESTS", {NAME: base64.b64encode(sha).decode()})
            script = f"""\
                #!{sys.executable}
                import shutil, sys
                assert sys.argv[1:4] == ["pack", "@cloudflare/workerd-{NAME}@{binary.VERSION}",
                                         "--ignore-scripts"], sys.argv
                shutil.copy({str(tmp_path / "served.tgz")!r}, sys.argv[5] + "/workerd.tgz")
            """
            program(tmp_path / "bin" / "npm", textwrap.dedent(script))

    return World()


def leftovers(world) -> list[Path]:
    root = world.kept.parent.parent
    return [path for path in root.rglob("*") if path not in (world.kept, world.kept.parent)]


def test_a_named_binary_goes_before_all(world, tmp_path):
    named = program(tmp_path / "mine")
    program(tmp_path / "bin" / "workerd")
    world.environment = {**world.environment, "WORKERD_BIN": str(named)}
    assert world.find() == named


def test_a_named_binary_that_is_none_is_an_input_error(world, tmp_path):
    world.environment = {**world.environment, "WORKERD_BIN": str(tmp_path / "no")}
    with pytest.raises(InputError, match="WORKERD_BIN"):
        world.find()


def test_path_goes_before_the_cache(world, tmp_path):
    program(world.kept)
    assert world.find() == world.kept
    on_path = program(tmp_path / "bin" / "workerd")
    assert world.find() == on_path


def test_what_npm_packs_is_checked_unpacked_and_kept(world):
    world.pack(package())
    assert world.find() == world.kept
    assert world.kept.read_bytes() == b"#!/bin/sh\necho workerd\n"
    assert world.kept.stat().st_mode & 0o111
    assert leftovers(world) == []
    assert any("47 MB" in line for line in world.said)
    assert world.find() == world.kept


def test_a_package_with_another_digest_is_refused(world):
    world.pack(package(), digest=b"other")
    with pytest.raises(PlatformError, match="not the genuine one"):
        world.find()
    assert not world.kept.exists()
    assert leftovers(world) == []


def test_a_package_without_the_program_is_refused(world):
    world.pack(package(member="package/bin/../../../evil"))
    with pytest.raises(PlatformError, match="cannot be unpacked"):
        world.find()
    assert leftovers(world) == []


def test_without_npm_every_remedy_is_named(world, monkeypatch):
    monkeypatch.setattr(npm.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(PlatformError) as caught:
        world.find()
    for remedy in ("npm", "pip install frontshelf[npm]", "PATH", "WORKERD_BIN"):
        assert remedy in str(caught.value)


def test_the_npm_of_pypi_serves_where_the_system_has_none(world):
    node, script = npm.npm_command({"PATH": ""})
    assert Path(node).is_file()
    assert script.endswith("npm-cli.js")


def test_what_npm_complains_of_is_passed_on(world, tmp_path):
    world.pack(package())
    program(tmp_path / "bin" / "npm", "#!/bin/sh\necho 'npm error network down' >&2\nexit 1\n")
    with pytest.raises(PlatformError, match="network down"):
        world.find()
    assert leftovers(world) == []


def test_progress_is_told_while_npm_works(world, tmp_path, monkeypatch):
    monkeypatch.setattr(npm, "TALK_EVERY_SECONDS", 0.05)
    world.pack(package())
    command = tmp_path / "bin" / "npm"
    slow = command.read_text().replace(
        "import shutil, sys", "import shutil, sys, time; time.sleep(1)"
    )
    program(command, slow)
    world.find()
    assert sum(" s" in line and "47 MB" in line for line in world.said) >= 3


def test_an_unknown_platform_says_so(world, monkeypatch):
    monkeypatch.setattr(binary, "DIGESTS", {})
    with pytest.raises(PlatformError, match=f"no digest is known for workerd on {NAME}"):
        world.find()


def test_a_cache_that_cannot_be_written_is_named(world, tmp_path):
    (tmp_path / "cache").write_text("a file")
    world.pack(package())
    with pytest.raises(PlatformError, match="cannot be written"):
        world.find()


def archive(tmp_path, name, files):
    """Serve a package's files through an npm on PATH; return its pin."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for place, content in files.items():
            entry = tarfile.TarInfo(f"package/{place}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    served = tmp_path / f"{name}.tgz"
    served.write_bytes(out.getvalue())
    return base64.b64encode(hashlib.sha512(out.getvalue()).digest()).decode()


def test_pinned_packages_are_laid_out_as_node_finds_them(tmp_path):
    pins = {
        f"{name}@1.0.0": archive(tmp_path, name.replace("/", "-"), {"index.js": name.encode()})
        for name in ("plain", "@scope/other")
    }
    script = f"""\
        #!{sys.executable}
        import shutil, sys
        name = sys.argv[2].rpartition("@")[0].replace("/", "-")
        shutil.copy({str(tmp_path)!r} + f"/{{name}}.tgz", sys.argv[5])
    """
    program(tmp_path / "bin" / "npm", textwrap.dedent(script))
    variables = {"PATH": str(tmp_path / "bin"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    said = []
    folder = npm.lay_out(pins, said.append, variables)
    assert (folder / "node_modules/@scope/other/index.js").read_text() == "@scope/other"
    assert (folder / "node_modules/plain/index.js").read_text() == "plain"
    assert said == [f"fetching {pin} with npm" for pin in pins]
    assert npm.lay_out(pins, said.append, variables) == folder
    with pytest.raises(PlatformError, match="not the genuine one"):
        npm.lay_out({"plain@1.0.0": "else"}, said.append, variables)
    assert [entry.name for entry in folder.parent.iterdir()] == [folder.name]


def test_the_runtime_that_was_found_is_the_pinned_one_or_chosen(workerd):
    said = subprocess.run([workerd, "--version"], capture_output=True, text=True, check=True)
    assert said.stdout.startswith("workerd 20")
