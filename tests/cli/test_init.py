from __future__ import annotations

import stat
from pathlib import Path

from command_line import Run


def test_init_makes_all_that_the_others_need(run: Run, tmp_path: Path) -> None:
    result = run("init", "My Shop")
    assert result.returncode == 0
    made = tmp_path / "My Shop"
    for name in ("frontshelf.toml", "rules.yaml", ".gitignore", "build/README.md", "inbox"):
        assert (made / name).exists()
    assert 'name = "my-shop"' in (made / "frontshelf.toml").read_text()
    assert "keys/release.pem" in result.stdout


def test_private_keys_are_readable_by_their_owner_only(run: Run, tmp_path: Path) -> None:
    run("init", "shop")
    for key in (tmp_path / "shop" / "keys").iterdir():
        assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_a_second_init_overwrites_nothing(run: Run, tmp_path: Path) -> None:
    run("init", "shop")
    files = {f: f.read_bytes() for f in (tmp_path / "shop").rglob("*") if f.is_file()}
    (tmp_path / "shop" / "rules.yaml").write_text("mine")
    result = run("init", "shop")
    assert result.returncode == 0
    assert "everything was there already" in result.stderr
    assert (tmp_path / "shop" / "rules.yaml").read_text() == "mine"
    for file, content in files.items():
        if file.name != "rules.yaml":
            assert file.read_bytes() == content


def test_init_in_a_file_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    result = run("init", "taken")
    assert result.returncode == 2
    assert "not a directory" in result.stderr
