"""Flags that the code names: what they mean, and what is answered while nobody has set them."""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from flags.choices import FlagKind, FlagType

# Dotted names are recommended ("checkout.new_flow"), plain ones work ("new_checkout"), in any script: names that come
# from elsewhere are what they are. PostgreSQL reads this pattern, too.
KEY_PATTERN = r"^([A-Za-z0-9]|[^\s\x01-\x7f])([A-Za-z0-9_-]|[^\s\x01-\x7f])*(\.([A-Za-z0-9_-]|[^\s\x01-\x7f])+)*$"
KEY_MAX_LENGTH = 150
_KEY = re.compile(KEY_PATTERN.removesuffix("$"))
_TYPES: Mapping[type, FlagType] = {
    bool: FlagType.BOOLEAN,
    str: FlagType.STRING,
    int: FlagType.NUMBER,
    float: FlagType.NUMBER,
    dict: FlagType.OBJECT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    key: str
    default: Any
    description: str
    kind: FlagKind

    @property
    def type(self) -> FlagType:
        return type_of(self.default)


_declared: dict[str, Declaration] = {}
declared: Mapping[str, Declaration] = MappingProxyType(_declared)


def declare(key: str, *, default: Any = False, description: str, kind: str = FlagKind.RELEASE) -> str:
    """Name a flag where it is used, get its key back; the default says the type: bool, str, int, float or dict.

    Raises ValueError for a bad key, a default of no type and a second meaning.
    """
    if not is_key(key):
        raise ValueError(f"{key!r} can't be the name of a flag: letters, digits, _ and -, dots between")
    type_of(default)
    declaration = Declaration(key=key, default=default, description=description, kind=FlagKind(kind))
    if _declared.setdefault(key, declaration) != declaration:
        raise ValueError(f"The flag {key!r} is declared twice, with different meanings")
    return key


def type_of(value: object) -> FlagType:
    """The type of flag that may have this value. Raises ValueError."""
    if type(value) not in _TYPES:
        raise ValueError(f"{value!r} can't be the value of a flag: bool, str, int, float or dict")
    return _TYPES[type(value)]


def fits(value: object, default: object) -> bool:
    """Whether both are values of flags of one type."""
    return _TYPES.get(type(value)) is _TYPES.get(type(default))


def is_key(text: str) -> bool:
    """Whether a text may name a flag."""
    return len(text) <= KEY_MAX_LENGTH and _KEY.fullmatch(text) is not None


def hint(key: str, known: Iterable[str]) -> str:
    """A sentence that names what was probably meant, or nothing."""
    close = difflib.get_close_matches(key, [*known], n=1)
    return f"Did you mean {close[0]!r}?" if close else ""
