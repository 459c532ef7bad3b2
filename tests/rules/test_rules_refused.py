"""Everything wrong with a rules file is told at once, with its line and a way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from control_plane.errors import InputError
from control_plane.rules.load import load_rules

HEAD = "content: {a: {html: A}, b: {html: B}}\nslots:\n  s:\n    default: a\n    rules:\n"


def refusal(folder: Path, text: str | bytes) -> str:
    raw = text if isinstance(text, bytes) else text.encode()
    (folder / "rules.yaml").write_bytes(raw)
    with pytest.raises(InputError) as caught:
        load_rules(folder)
    assert caught.value.exit_status == 2
    return str(caught.value)


def rules_of(*rules: str) -> str:
    return HEAD + "".join(f"      - {{{rule}}}\n" for rule in rules)


def content_of(content: str) -> str:
    return f"content:\n  a: {content}\nslots: {{s: {{default: a}}}}\n"


def items_of(items: str) -> str:
    return content_of(f"{{items: {{{items}}}}}")


EXPERIMENT = "id: r, experiment: {{key: k, variations: [a, b]{}}}"

ONE_PROBLEM = [
    ("slot: {}\nslots: {}\n", 1, "unknown key 'slot'", "'slots'"),
    ("content: {}\n", 1, "has no 'slots'", ""),
    ("slots: [a]\n", 1, "a list is not a mapping", "key: value"),
    ("timezone: Europe/Pari\nslots: {}\n", 1, "unknown time zone", "Europe/Paris"),
    ("slots:\n  s: {}\n  s: {}\n", 3, "stands twice", "Keep one"),
    ("slots:\n  s: {defalt: a}\n", 2, "unknown key 'defalt'", "'default'"),
    ("slots:\n  s p: {}\n", 2, "not fit as a slot's name", "letters"),
    ("content: {abc: {html: A}}\nslots:\n  s: {default: abd}\n", 3, "unknown content", "'abc'"),
    (content_of("{html: A, file: b}"), 2, "one of html, file or items", "exactly one"),
    (content_of("{html: 5}"), 2, "'5' is not text", "quotes"),
    (content_of("{html: A, template: product-strip}"), 2, "only items have a template", ""),
    (content_of("{file: none.html}"), 2, "can't be read", "inside the project"),
    (content_of("{file: content}"), 2, "can't be read", ""),
    (content_of("{file: ../secret}"), 2, "outside the project", "content/"),
    (content_of("{file: /etc/passwd}"), 2, "outside the project", "content/"),
    (content_of('{file: "a\\0b"}'), 2, "can't be read", ""),
    (items_of("limit: 5"), 2, "has no 'from'", ""),
    (items_of("from: []"), 2, "names no stage", "session"),
    (items_of("from: [sesion]"), 2, "unknown stage 'sesion'", "'session'"),
    (items_of("from: [repurchas]"), 2, "unknown stage 'repurchas'", "'repurchase'"),
    (items_of("from: [{session: 0}]"), 2, "the weight 0", "above 0"),
    (items_of("from: [{session: a lot}]"), 2, "'a lot' is not a number", ""),
    (items_of("from: popular, limit: 0"), 2, "0 items", "1 to 100"),
    (items_of("from: popular, limit: 4.5"), 2, "'4.5' is not a whole number", ""),
    (items_of("from: popular, exclude: {sen: true}"), 2, "unknown key 'sen'", "'seen'"),
    (items_of("from: popular, exclude: {seen: yes}"), 2, "'yes' is not true or false", ""),
    (items_of("from: popular, reminder: maybe"), 2, "unknown reminder", "auto"),
    (items_of("from: popular, template: strip"), 2, "unknown template", "product-strip"),
    (items_of("from: popular, boost: {}"), 2, "says which items by nothing", "category"),
    (items_of("from: popular, boost: [shoes, {categry: hats}]"), 2, "categry", "category"),
    (
        items_of("from: popular, boost: {category: hats, by: 0.5}"),
        2,
        "boost by 0.5",
        "bury it by 2",
    ),
    (items_of("from: popular, bury: {category: hats, by: 0.5}"), 2, "bury by 0.5", "write 2 here"),
    (items_of("from: popular, bury: {category: hats, by: 0}"), 2, "by 0", "up to 1000"),
    (items_of("from: popular, bury: []"), 2, "names nothing", "shoes"),
    (items_of("from: popular, boost: {price: {$lt: -1}}"), 2, "can never match", "leave it out"),
    (items_of("from: popular, boost: {category: {$regex: (a+)+$}}"), 2, "category", ""),
    (items_of("from: popular, diversity: {group: 0}"), 2, "leaves nothing", "from 1"),
    (rules_of("show: a"), 6, "has no 'id'", ""),
    (rules_of("id: r"), 6, "either show or experiment", "exactly one"),
    (rules_of("id: a b, show: a"), 6, "not fit as an id", "letters"),
    (rules_of("id: r, show: a, starts: tomorrow"), 6, "is not a time", "2026-11-27T00:00"),
    (rules_of("id: r, show: a, starts: 0200-01-01T00:00"), 6, "year 200", "2000"),
    (rules_of("id: r, show: a, starts: 2026-02-30T00:00"), 6, "is not a time", "2026"),
    (
        rules_of("id: r, show: a, starts: 2026-02-02T00:00, ends: 2026-02-01T00:00"),
        6,
        "ends before it starts",
        "after the start",
    ),
    (rules_of("id: r, show: a, when: {contry: FR}"), 6, "unknown attribute", "'country'"),
    (rules_of("id: r, show: a, when: {path: {$regex: (a+)+$}}"), 6, "exponential", "backtrack"),
    (rules_of("id: r, show: a, when: {country: {$in: []}}"), 6, "can never match", "leave"),
    (rules_of("id: r, show: a, when: {weekday: 0}"), 6, "outside its range", "from 1 to 7"),
    (rules_of(EXPERIMENT.format(", weights: [0.5, 0.6]")), 6, "sum to 1.1", "[0.455, 0.545]"),
    (rules_of(EXPERIMENT.format(", weights: [1]")), 6, "1 weights for 2 variations", "each"),
    (rules_of(EXPERIMENT.format(", weights: [-1, 2]")), 6, "below 0", "0 to 1"),
    (rules_of(EXPERIMENT.format(", coverage: 0")), 6, "can never match", "above 0"),
    (rules_of(EXPERIMENT.format(", namespace: [n, 0.5, 0.5]")), 6, "can never match", "from"),
    (rules_of(EXPERIMENT.format(", namespace: [n]")), 6, "is not a namespace", "[name, from, to]"),
    (rules_of(EXPERIMENT.format(", phase: 0")), 6, "the phase 0", "from 1"),
    (rules_of(EXPERIMENT.format(", hash: x")), 6, "unknown key 'hash'", ""),
    (rules_of("id: r, experiment: {key: k, variations: [a]}"), 6, "1 variations", "2 to 20"),
    (rules_of("id: r, experiment: {key: k, variations: [a, c]}"), 6, "unknown content", ""),
    ("slots: {}\nholdout: {key: h, share: 1.5}\n", 2, "1.5 is not a share", "from 0"),
    ("slots: {}\nholdout: {key: h}\n", 2, "has no 'share'", ""),
]


@pytest.mark.parametrize(("text", "line", "problem", "remedy"), ONE_PROBLEM)
def test_a_problem_is_told_with_its_line_and_a_way_out(
    tmp_path: Path, text: str, line: int, problem: str, remedy: str
) -> None:
    (tmp_path / "content").mkdir()
    message = refusal(tmp_path, text)
    assert f"rules.yaml:{line}: " in message
    assert problem in message
    assert remedy in message
    assert "problems" not in message.partition("\n")[0]


def test_all_problems_are_told_in_the_order_of_their_lines(tmp_path: Path) -> None:
    message = refusal(
        tmp_path,
        """\
timezone: Mars
content:
  a: {html: A, tmplate: x}
slots:
  s:
    default: b
    rules:
      - id: r
        when:
          contry: FR
          hour: {$gt: noon}
        show: a
holdout: {key: h, share: 2}
""",
    )
    lines = message.split("\n")
    assert lines[0].endswith("rules.yaml: 6 problems")
    places = [line.split(": ")[0] for line in lines[1:] if not line.startswith("  ")]
    assert [int(place.rsplit(":", 1)[1]) for place in places] == [1, 3, 6, 10, 11, 13]


def test_ids_are_unique_over_the_file(tmp_path: Path) -> None:
    text = """\
content: {a: {html: A}}
slots:
  one: {rules: [{id: same, show: a}]}
  two: {rules: [{id: same, show: a}]}
"""
    message = refusal(tmp_path, text)
    assert "rules.yaml:4" in message
    assert "The rule on line 3 has it" in message


@pytest.mark.parametrize(
    ("first", "second", "shadowed"),
    [
        ("show: a", "show: b", True),
        ("show: a, when: {}", "show: b, when: {country: FR}", True),
        ("show: a", "experiment: {key: k, variations: [a, b]}", True),
        ("show: a, when: {country: FR}", "show: b, when: {country: FR}", True),
        ("show: a, starts: 2026-01-01", "show: b, starts: 2026-02-01", True),
        ("show: a, ends: 2026-03-01", "show: b, ends: 2026-02-01", True),
        ("show: a, when: {country: FR}", "show: b, when: {country: DE}", False),
        ("show: a, ends: 2026-03-01", "show: b", False),
        ("show: a, starts: 2026-02-01", "show: b, starts: 2026-01-01", False),
        ("experiment: {key: k, variations: [a, b]}", "show: b", False),
    ],
)
def test_a_rule_that_another_always_beats_is_found(
    tmp_path: Path, first: str, second: str, shadowed: bool
) -> None:
    text = rules_of(f"id: one, {first}", f"id: two, {second}")
    if shadowed:
        message = refusal(tmp_path, text)
        assert "rules.yaml:7" in message
        assert "rule 'one' above always wins" in message
    else:
        (tmp_path / "rules.yaml").write_text(text, encoding="utf-8")
        load_rules(tmp_path)


def test_an_hour_that_clocks_skip_is_refused(tmp_path: Path) -> None:
    rule = "id: r, show: a, starts: 2026-03-29T02:30"
    message = refusal(tmp_path, "timezone: Europe/Paris\n" + rules_of(rule))
    assert "does not exist in Europe/Paris" in message
    assert "Write 2026-03-29T03:30" in message


def test_one_experiment_assigns_in_one_way(tmp_path: Path) -> None:
    message = refusal(
        tmp_path,
        rules_of(
            "id: one, experiment: {key: k, variations: [a, b], weights: [0.5, 0.5]}",
            "id: two, experiment: {key: k, variations: [b, a], weights: [0.9, 0.1]}",
        ),
    )
    assert "rules.yaml:7" in message
    assert "other weights elsewhere" in message


def test_the_holdout_has_a_key_of_its_own(tmp_path: Path) -> None:
    text = rules_of(EXPERIMENT.format("")) + "holdout: {key: k, share: 0.1}\n"
    assert "an experiment's key too" in refusal(tmp_path, text)


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"", "is empty"),
        (b"# only a comment\n", "is empty"),
        (b"slots: [", ":1: not valid YAML"),
        (b"slots:\n\t- x\n", ":2: not valid YAML"),
        (b"slots: *nobody\n", ":1: not valid YAML"),
        (b"slots: {}\n---\nslots: {}\n", "not valid YAML"),
        (b"slots: {}\n? [a, b]\n: c\n", ":2: a key must be a word"),
        (b"slots: {}\n\ncontent: \xff\xfe\n", ":3: is not UTF-8"),
        (b"slots: \x00\n", "not valid YAML"),
        (b"slots: &a [*a]\n", "nested deeper"),
        (b"slots: " + b"[" * 5000, "nested deeper"),
        (b"slots: {}\nx: '" + b"x" * 2_100_000 + b"'\n", "larger than"),
        (
            b"a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
            b"c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
            b"e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n",
            "stands for over",
        ),
    ],
)
def test_what_is_no_rules_file_is_refused(tmp_path: Path, raw: bytes, problem: str) -> None:
    assert problem in refusal(tmp_path, raw)


def test_a_missing_file_names_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load_rules(tmp_path)
    assert "frontshelf init" in str(caught.value)


def test_a_link_out_of_the_project_is_refused(tmp_path: Path) -> None:
    inside = tmp_path / "project"
    (inside / "content").mkdir(parents=True)
    (tmp_path / "secret.html").write_text("secret", encoding="utf-8")
    (inside / "content" / "a.html").symlink_to(tmp_path / "secret.html")
    assert "outside the project" in refusal(inside, content_of("{file: content/a.html}"))


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_bytes(b"\xff\xfe\x00")
    assert "is not UTF-8 text" in refusal(tmp_path, content_of("{file: a.html}"))
