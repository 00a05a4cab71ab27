"""What a flag is, as plain data: in the history, in Redis, in a planned patch, in exports and imports.

Reading it with `msgspec.convert` checks shape and ranges and names the place of what is wrong ("$.rules[0].percent").
What needs other rows (variants that exist, prerequisites without a circle) the services check.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from msgspec import Meta, Struct

from flags.choices import FlagKind, FlagType

# The variants that every boolean flag has.
ON = "on"
OFF = "off"
# Stickiness: who keeps getting the same answer.
BY_DEFAULT = "default"  # the user's id, else the session's
AT_RANDOM = "random"

Weight = Annotated[int, Meta(ge=0, le=1_000_000)]
Percent = Annotated[float, Meta(ge=0, le=100, description="thousandths count")]
Moment = Annotated[datetime, Meta(tz=True)]


class Operator(StrEnum):
    """As in Unleash's client specification."""

    IN = "IN"
    NOT_IN = "NOT_IN"
    STR_CONTAINS = "STR_CONTAINS"
    STR_STARTS_WITH = "STR_STARTS_WITH"
    STR_ENDS_WITH = "STR_ENDS_WITH"
    NUM_EQ = "NUM_EQ"
    NUM_GT = "NUM_GT"
    NUM_GTE = "NUM_GTE"
    NUM_LT = "NUM_LT"
    NUM_LTE = "NUM_LTE"
    DATE_AFTER = "DATE_AFTER"
    DATE_BEFORE = "DATE_BEFORE"
    SEMVER_EQ = "SEMVER_EQ"
    SEMVER_GT = "SEMVER_GT"
    SEMVER_GTE = "SEMVER_GTE"
    SEMVER_LT = "SEMVER_LT"
    SEMVER_LTE = "SEMVER_LTE"
    REGEX = "REGEX"
    IN_CIDR = "IN_CIDR"


class Plain(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """Immutable, compared by value; what has its default is left out of JSON.

    Nothing here can refer to itself, so that the collector of circles need not look: thousands are made at once.
    """


class Constraint(Plain, frozen=True):
    """A question about one field of the context. What can't be understood is answered with no."""

    field: str
    operator: Operator
    values: tuple[str, ...] = ()
    inverted: bool = False
    case_insensitive: bool = False


class Share(Plain, frozen=True):
    """A variant's part of a split, in proportion to the sum of all weights."""

    variant: str
    weight: Weight


class Rule(Plain, frozen=True):
    """Who gets something else: all constraints and segments hold, the share is hit, the time is right.

    It serves `variant`, else `split`, else what the flag serves while it is on. Empty salt: the flag's.
    """

    id: str
    name: str = ""
    constraints: tuple[Constraint, ...] = ()
    segments: tuple[str, ...] = ()
    percent: Percent = 100.0
    stickiness: str = BY_DEFAULT
    salt: str = ""
    starts_at: Moment | None = None
    ends_at: Moment | None = None
    variant: str = ""
    split: tuple[Share, ...] = ()


class Variant(Plain, frozen=True):
    """A named answer. `value` is JSON of the flag's type."""

    key: str
    value: Any
    description: str = ""


class Override(Plain, frozen=True):
    """What one subject (a targeting key) gets, whatever the rules say, until it expires."""

    subject: str
    variant: str
    reason: str = ""
    expires_at: Moment | None = None


class Prerequisite(Plain, frozen=True):
    """Another flag that must be on (or off), and, if variants are named, answer one of them."""

    flag: str
    on: bool = True
    variants: tuple[str, ...] = ()


class Targeting(Struct, frozen=True, kw_only=True, gc=False):
    """What decides an answer. Empty `on_variant`: by `on_split`; empty `off_variant`: the caller's default."""

    type: FlagType = FlagType.BOOLEAN
    kind: FlagKind = FlagKind.RELEASE
    enabled: bool = False
    client_visible: bool = False
    on_variant: str = ON
    on_split: tuple[Share, ...] = ()
    off_variant: str = OFF
    fallthrough_variant: str = OFF
    salt: str = ""  # empty: the flag's key
    stickiness: str = BY_DEFAULT
    variants: tuple[Variant, ...] = ()  # of booleans: none, they have "on" and "off"
    rules: tuple[Rule, ...] = ()
    overrides: tuple[Override, ...] = ()
    prerequisites: tuple[Prerequisite, ...] = ()


class Definition(Targeting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that a change may change: what the history keeps before and after."""

    key: str
    description: str = ""
    owner: str = ""
    tags: tuple[str, ...] = ()
    protected: bool = False
    guard: tuple[str, ...] = ()  # names of alerts that turn the flag off
    review_at: Moment | None = None
    archived_at: Moment | None = None


class SegmentDefinition(Plain, frozen=True):
    """A named group of subjects: all constraints hold."""

    key: str
    description: str = ""
    constraints: tuple[Constraint, ...] = ()
