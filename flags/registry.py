"""Flags that the code names: what they mean, and what is answered while nobody has set them."""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from flags.choices import FlagKind

# Dotted names are recommended ("checkout.new_flow"), plain ones work ("new_checkout").
KEY_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$"
KEY_MAX_LENGTH = 150
_KEY = re.compile(KEY_PATTERN.removesuffix("$"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    key: str
    default: bool
    description: str
    kind: FlagKind


_declared: dict[str, Declaration] = {}
declared: Mapping[str, Declaration] = MappingProxyType(_declared)


def declare(key: str, *, default: bool = False, description: str, kind: str = FlagKind.RELEASE) -> str:
    """Name a flag where it is used, get its key back. Raises ValueError for a bad key or a second meaning."""
    if not is_key(key):
        raise ValueError(f"{key!r} can't be the name of a flag: letters, digits, _ and -, dots between")
    declaration = Declaration(key=key, default=default, description=description, kind=FlagKind(kind))
    if _declared.setdefault(key, declaration) != declaration:
        raise ValueError(f"The flag {key!r} is declared twice, with different meanings")
    return key


def is_key(text: str) -> bool:
    """Whether a text may name a flag."""
    return len(text) <= KEY_MAX_LENGTH and _KEY.fullmatch(text) is not None


def hint(key: str, known: Iterable[str]) -> str:
    """A sentence that names what was probably meant, or nothing."""
    close = difflib.get_close_matches(key, [*known], n=1)
    return f"Did you mean {close[0]!r}?" if close else ""
