"""What is wrong with a condition is found, with its place and a way out."""

from __future__ import annotations

from typing import Any

import pytest

from control_plane.conditions import Attribute, check, never_matches

ATTRIBUTES = {
    "country": Attribute("text", form="[A-Z]{2}", example="FR"),
    "device": Attribute("text", values=("desktop", "mobile")),
    "path": Attribute("text"),
    "hour": Attribute("number", low=0, high=23),
    "views": Attribute("number", low=0),
    "segments": Attribute("list"),
    "new": Attribute("flag"),
    "utm.*": Attribute("text"),
    "traits.*": Attribute("any"),
}

GOOD: list[dict[str, Any]] = [
    {},
    {"country": "FR", "device": {"$in": ["mobile"]}},
    {"country": {"$ini": ["fr"]}},
    {"segments": {"$in": ["loyal"]}, "views": {"$gte": 3, "$lt": 10}},
    {"segments": {"$all": ["a", "b"]}},
    {"segments": {"$size": {"$gt": 1}}},
    {"segments": {"$elemMatch": {"$regex": "^vip-"}}},
    {"segments": ["loyal", "gifts"]},
    {"$or": [{"hour": {"$lt": 6}}, {"$not": {"new": True}}]},
    {"$nor": [{"path": {"$regex": "^/account"}}]},
    {"utm.campaign": {"$regexi": "summer"}},
    {"traits.size": {"$in": ["M", 42]}},
    {"country": None},
    {"country": {"$exists": True}},
    {"country": {"$inGroup": "nordic"}},
    {"hour": {"$lt": 24}},
    {"path": {"$type": "string"}},
    {"traits.app": {"$vgte": "2.1.0"}},
]


@pytest.mark.parametrize("condition", GOOD, ids=str)
def test_a_good_condition_has_no_problem(condition: dict[str, Any]) -> None:
    assert check(condition, ATTRIBUTES, groups=["nordic"]) == []


@pytest.mark.parametrize(
    ("condition", "path", "message", "remedy"),
    [
        ({"contry": "FR"}, ("contry",), "unknown attribute 'contry'", "'country'"),
        ({"utm": "x"}, ("utm",), "unknown attribute", "utm.NAME"),
        ({"country": {"$inn": ["FR"]}}, ("country", "$inn"), "unknown operator", "'$in'"),
        ({"$orr": []}, ("$orr",), "unknown operator", "'$or'"),
        ({"$gt": 3}, ("$gt",), "unknown operator", "attribute: {$gt"),
        ({"$or": {}}, ("$or",), "needs a list", "["),
        ({"$and": []}, ("$and",), "needs a list", "["),
        ({"$or": [3]}, ("$or", 0), "3 is not a condition", "attribute"),
        ("FR", (), "'FR' is not a condition", "attribute"),
        ({"country": {"$in": "FR"}}, ("country", "$in"), "needs a list", "['FR']"),
        ({"country": "fr"}, ("country",), "never occurs", "'FR'"),
        ({"country": {"$in": ["FR", "de"]}}, ("country", "$in", 1), "never occurs", "'FR'"),
        ({"country": 33}, ("country",), "text is compared", "quotes"),
        ({"device": "moblie"}, ("device",), "none of its values", "'mobile'"),
        ({"hour": "ten"}, ("hour",), "a number is compared", "unquoted"),
        ({"hour": 24}, ("hour",), "outside its range", "from 0 to 23"),
        ({"hour": {"$gte": True}}, ("hour", "$gte"), "needs a number or text", None),
        ({"views": {"$gte": "3"}}, ("views", "$gte"), "a number is compared", "unquoted"),
        ({"new": "yes"}, ("new",), "true or false is compared", "unquoted"),
        ({"segments": "loyal"}, ("segments",), "never equal to one value", "$in: ['loyal']"),
        ({"segments": {"$eq": "x"}}, ("segments", "$eq"), "can't compare a list", "$in"),
        ({"country": {"$size": 2}}, ("country", "$size"), "needs a list", None),
        ({"segments": {"$elemMatch": 3}}, ("segments", "$elemMatch"), "needs operators", "$"),
        ({"country": {"$exists": "no"}}, ("country", "$exists"), "true or false", "unquoted"),
        ({"path": {"$type": "text"}}, ("path", "$type"), "none of its values", "string"),
        ({"country": {"$inGroup": "x"}}, ("country", "$inGroup"), "unknown group", None),
        ({"country": {"$in": ["FR"], "x": 1}}, ("country",), "mixes operators", "$"),
        ({"path": {"$regex": 5}}, ("path", "$regex"), "is not a pattern", "quotes"),
        ({"path": {"$regex": "(["}}, ("path", "$regex"), "ends within", "JavaScript"),
        ({"path": {"$regex": "(a+)+$"}}, ("path", "$regex"), "exponential", "backtrack"),
        ({"path": {"$not": {"$regexi": "(a|a)*b"}}}, ("path", "$not", "$regexi"), "exp", "back"),
        ({"path": {"$lt": ["a"]}}, ("path", "$lt"), "needs a single value", None),
    ],
)
def test_a_problem_is_told_with_its_place_and_a_way_out(
    condition: Any, path: tuple[Any, ...], message: str, remedy: str | None
) -> None:
    (problem,) = check(condition, ATTRIBUTES)
    assert problem.path == path
    assert message in problem.message
    assert (problem.remedy is None) if remedy is None else (remedy in (problem.remedy or ""))


def test_all_problems_are_told_at_once() -> None:
    condition = {"contry": "FR", "hour": 99, "$or": [{"device": "tv"}, {"path": {"$like": "x"}}]}
    assert len(check(condition, ATTRIBUTES)) == 4


def test_a_condition_nested_without_end_is_refused() -> None:
    condition: dict[str, Any] = {"country": "FR"}
    for _ in range(60):
        condition = {"$not": condition}
    (problem,) = check(condition, ATTRIBUTES)
    assert "nested deeper" in problem.message


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ({"country": {"$in": []}}, "country is in an empty list"),
        ({"segments": {"$in": ["a"], "$nin": ["a", "b"]}}, "all its listed values refused"),
        ({"country": "FR", "$and": [{"country": {"$in": ["DE"]}}]}, "no value that fits"),
        ({"country": {"$eq": "FR", "$ne": "FR"}}, "no value that fits"),
        ({"hour": {"$gte": 24}}, "empty range"),
        ({"hour": {"$lt": 0}}, "empty range"),
        ({"views": {"$gt": 5, "$lt": 5}}, "empty range"),
        ({"views": {"$gte": 6, "$lte": 5}}, "empty range"),
        ({"device": {"$nin": ["desktop", "mobile"], "$exists": True}}, "no value that fits"),
        ({"$or": [{"hour": {"$gt": 23}}, {"country": {"$in": []}}]}, "empty range"),
        ({"$not": {}}, "refuses everyone"),
        ({"new": True, "$and": [{"new": False}]}, "no value that fits"),
    ],
)
def test_a_condition_nobody_can_meet_is_found(condition: dict[str, Any], reason: str) -> None:
    assert reason in (never_matches(condition, ATTRIBUTES) or "")


@pytest.mark.parametrize(
    "condition",
    [
        *GOOD,
        {"hour": {"$gte": 23}},
        {"views": {"$gte": 5, "$lte": 5}},
        {"segments": {"$in": ["a", "b"], "$nin": ["a"]}},
        {"segments": {"$all": ["a"], "$nin": ["b"]}},
        {"traits.n": 5, "$and": [{"traits.n": {"$type": "string"}}]},
        {"$or": [{"hour": {"$gt": 23}}, {"country": "FR"}]},
        {"device": {"$nin": ["desktop", "mobile"]}},
    ],
    ids=str,
)
def test_a_condition_that_someone_may_meet_is_left_alone(condition: dict[str, Any]) -> None:
    assert never_matches(condition, ATTRIBUTES) is None
