"""An experiment that changes in a way that moves people needs a new phase."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from toy_shop import compile_toy, make_project

from control_plane.deploy.folder import Folder
from control_plane.deploy.publish import publish
from control_plane.errors import InputError
from control_plane.settings import Project

RULES = """content: {{a: {{html: a}}, b: {{html: b}}, c: {{html: c}}}}
slots:
  s:
    rules:
      - id: r
        experiment:
          key: k
          variations: {variations}
          weights: {weights}
          coverage: {coverage}
          namespace: {namespace}
          phase: {phase}
"""
FIRST = {
    "variations": "[a, b]",
    "weights": "[0.5, 0.5]",
    "coverage": "0.5",
    "namespace": "[n, 0, 0.5]",
    "phase": "2",
}


def write(project: Project, **changes: str) -> None:
    (project.root / "rules.yaml").write_text(RULES.format(**{**FIRST, **changes}))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project whose experiment was compiled once, in its second phase."""
    project = make_project(tmp_path, RULES.format(**FIRST))
    compile_toy(project)
    return project


@pytest.mark.parametrize(
    ("changes", "line", "told"),
    [
        ({"weights": "[0.4, 0.6]"}, 9, "changed its weights from [0.5, 0.5] to [0.4, 0.6]"),
        ({"variations": "[b, a]"}, 8, "changed its variations from [a, b] to [b, a]"),
        ({"variations": "[a, b, c]", "weights": "[0.2, 0.3, 0.5]"}, 8, "to [a, b, c]"),
        ({"coverage": "0.4"}, 10, "changed its coverage from 0.5 to 0.4"),
        ({"namespace": "[n, 0, 0.6]"}, 11, "changed its namespace from [n, 0, 0.5]"),
    ],
)
def test_what_moves_people_asks_for_a_new_phase(
    project: Project, changes: dict[str, str], line: int, told: str
) -> None:
    before = (project.build / "current").resolve()
    write(project, **changes)
    with pytest.raises(InputError) as refused:
        compile_toy(project)
    message = str(refused.value)
    assert f"rules.yaml:{line}: slots.s.rules[0].experiment." in message
    assert told in message
    assert "without a new phase" in message
    assert "Write 'phase: 3'" in message
    assert (project.build / "current").resolve() == before
    write(project, **changes, phase="3")
    compile_toy(project)


def test_raising_the_coverage_needs_none(project: Project) -> None:
    write(project, coverage="0.9")
    compile_toy(project)
    write(project, coverage="0.8")
    with pytest.raises(InputError, match=r"coverage from 0\.9 to 0\.8"):
        compile_toy(project)


def test_phases_count_up(project: Project) -> None:
    write(project, phase="1")
    with pytest.raises(InputError, match="phase 1 after phase 2"):
        compile_toy(project)


def test_an_experiment_that_was_left_out_is_remembered(project: Project) -> None:
    (project.root / "rules.yaml").write_text("slots: {s: {}}\n")
    compile_toy(project)
    write(project, weights="[0.4, 0.6]")
    with pytest.raises(InputError, match="without a new phase"):
        compile_toy(project)
    write(project)
    compile_toy(project)


def test_compiling_again_gives_the_same_bytes(project: Project) -> None:
    first = (project.build / "current").resolve()
    said = (first / "release.json").read_bytes()
    compile_toy(project)
    assert (project.build / "current").resolve() == first
    assert (first / "release.json").read_bytes() == said


TWO_SLOTS = """content: {{a: {{html: a}}, b: {{html: b}}, c: {{html: c}}}}
slots:
  one: {{rules: [{{id: r, experiment: {{key: k, variations: [a, b]}}}}]}}
  {two}
"""


def test_an_experiment_may_show_other_contents_in_another_slot(tmp_path: Path) -> None:
    two = "two: {rules: [{id: q, experiment: {key: k, variations: [b, c]}}]}"
    project = make_project(tmp_path, TWO_SLOTS.format(two=two))
    compile_toy(project)
    (tmp_path / "rules.yaml").write_text(TWO_SLOTS.format(two="two: {}"))
    compile_toy(project)
    moved = TWO_SLOTS.format(two=two.replace("[b, c]", "[c, b]"))
    (tmp_path / "rules.yaml").write_text(moved)
    compile_toy(project)
    (tmp_path / "rules.yaml").write_text(TWO_SLOTS.format(two=two))
    with pytest.raises(InputError) as refused:
        compile_toy(project)
    assert "rules.yaml:4: slots.two.rules[0].experiment.variations: 'k'" in str(refused.value)


def test_a_fresh_machine_is_told_when_it_deploys(project: Project, tmp_path: Path) -> None:
    target = Folder(tmp_path / "store")
    live = publish(target, project.build / "current", project).release
    shutil.rmtree(project.build)
    write(project, weights="[0.4, 0.6]")
    compile_toy(project)
    with pytest.raises(InputError, match="changed its weights") as refused:
        publish(target, project.build / "current", project)
    assert f"against the live release {live}" in str(refused.value)
    publish(target, project.build / "current", project, draft=True)
    write(project, weights="[0.4, 0.6]", phase="3")
    compile_toy(project)
    publish(target, project.build / "current", project)
