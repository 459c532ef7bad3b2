"""Knows crawlers by what they say they are."""

from __future__ import annotations

import re

# "Cubot" is a make of telephone.
_CRAWLER = re.compile(
    r"(?<!cu)bot(?![a-z])|crawl|spider|slurp|mediapartners|facebookexternalhit|headlesschrome"
    r"|lighthouse|pingdom|uptime|monitoring|fetcher|python-requests|python-httpx|aiohttp"
    r"|curl/|wget/|go-http-client|libwww|scrapy|phantomjs",
    re.IGNORECASE,
)


def is_crawler(user_agent: str) -> bool:
    """Say whether a user agent is that of a known kind of crawler."""
    return _CRAWLER.search(user_agent) is not None
