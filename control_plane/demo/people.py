"""Invents the sample shop's visitors: a hidden taste and purse, a country, devices, consent."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.demo.tastes import PURSES, SHARES, TASTES

COUNTRIES = ("FR", "DE", "GB", "NL", "ES", "IT", "SE", "NO")
COUNTRY_SHARES = (0.26, 0.22, 0.14, 0.10, 0.09, 0.08, 0.06, 0.05)
#: Hours to add to UTC, so that evenings are evenings.
UTC_OFFSETS = (1, 1, 0, 1, 1, 1, 1, 1)

DEVICES = ("mobile", "desktop", "tablet")
DEVICE_SHARES = (0.58, 0.34, 0.08)

#: Consent: everything, personalisation only, analytics only, refused.
CONSENTS = ((True, True), (True, False), (False, True), (False, False))
CONSENT_SHARES = (0.74, 0.05, 0.06, 0.15)

ACCOUNT_SHARE = 0.35
SECOND_DEVICE_SHARE = 0.5
#: How far people stray from their group: shape of the gamma noise on each category.
INDIVIDUALITY = 2.0


class People(msgspec.Struct, frozen=True):
    """Visitors by number. Shapes (v,): group, purse (0 to 2), country, consent int8.

    `taste` (v, categories) float64: cumulative own affinities, last column 1. `browser` (v, 2)
    indices of anonymous ids, -1 where there is no second; `device` (browsers,) int8. `account`
    (v,) bool. `visits` (v,) int64, how often they come. `browser_ids` are UUIDs.
    """

    group: NDArray[np.int8]
    purse: NDArray[np.int8]
    country: NDArray[np.int8]
    consent: NDArray[np.int8]
    taste: NDArray[np.float64]
    account: NDArray[np.bool_]
    browser: NDArray[np.int64]
    device: NDArray[np.int8]
    visits: NDArray[np.int64]
    browser_ids: list[str]


def make_people(visitors: int, groups: NDArray[np.float64], draws: np.random.Generator) -> People:
    """Return `visitors` people; `groups` (groups, categories) is what their kinds care for."""
    group = draws.choice(len(TASTES), visitors, p=SHARES).astype(np.int8)
    account = draws.random(visitors) < ACCOUNT_SHARE
    second = account & (draws.random(visitors) < SECOND_DEVICE_SHARE)
    browser = np.full((visitors, 2), -1, dtype=np.int64)
    browser[:, 0] = np.arange(visitors)
    browser[second, 1] = visitors + np.arange(int(second.sum()))
    browsers = visitors + int(second.sum())
    return People(
        group=group,
        purse=_purses(group, draws),
        country=draws.choice(len(COUNTRIES), visitors, p=COUNTRY_SHARES).astype(np.int8),
        consent=draws.choice(len(CONSENTS), visitors, p=CONSENT_SHARES).astype(np.int8),
        taste=_tastes(groups[group], draws),
        account=account,
        browser=browser,
        device=draws.choice(len(DEVICES), browsers, p=DEVICE_SHARES).astype(np.int8),
        visits=1 + draws.negative_binomial(0.9, 0.9 / (0.9 + 1.45), visitors),
        browser_ids=uuids(browsers, draws),
    )


def uuids(count: int, draws: np.random.Generator) -> list[str]:
    """Return `count` random version 4 UUIDs."""
    digits = draws.bytes(16 * count).hex()
    texts = [digits[at : at + 32] for at in range(0, len(digits), 32)]
    return [f"{t[:8]}-{t[8:12]}-4{t[13:16]}-a{t[17:20]}-{t[20:]}" for t in texts]


def _purses(group: NDArray[np.int8], draws: np.random.Generator) -> NDArray[np.int8]:
    limits = np.cumsum([PURSES[name] for name in TASTES], axis=1)
    drawn = draws.random((len(group), 1))
    return np.asarray((drawn > limits[group][:, :2]).sum(axis=1), dtype=np.int8)


def _tastes(affinity: NDArray[np.float64], draws: np.random.Generator) -> NDArray[np.float64]:
    own = affinity * draws.gamma(INDIVIDUALITY, 1.0, affinity.shape)
    total = np.cumsum(own, axis=1)
    return np.asarray(total / total[:, -1:])
