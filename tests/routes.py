"""Every route of the site, and addresses that lead to it."""

import random
import re
from collections.abc import Iterator
from uuid import UUID

from django.urls import URLPattern, URLResolver, get_resolver

NAMED_GROUP = re.compile(r"\(\?P<\w+>(?:[^()\\]|\\.|\[[^\]]*\]|\([^()]*\))*\)")


def patterns(resolver: URLResolver | None = None, before: str = "") -> Iterator[str]:
    for each in (resolver or get_resolver()).url_patterns:
        pattern = f"{before}{each.pattern}"
        if isinstance(each, URLPattern):
            yield pattern
        else:
            yield from patterns(each, pattern)


def address(pattern: str, chance: random.Random, made_up: str = "") -> str:
    """An address that the pattern matches, its ids made up."""
    made_up = made_up or str(UUID(int=chance.getrandbits(128), version=4))
    plain = re.sub(r"<int:\w+>", str(chance.randrange(10**9)), NAMED_GROUP.sub(made_up, pattern))
    return "/" + re.sub(r"\\Z|[\^$?\\]", "", re.sub(r"<[^>]*>", made_up, plain))
