"""Tables of cashback."""

from cashback.models.conversions import CancellationMatch, Conversion, ConversionLine, ConversionRevision
from cashback.models.events import (
    BOOKED_STATES,
    FINAL_STATES,
    SHOP,
    CashbackEvent,
    CashbackEventQuerySet,
    CashbackState,
)
from cashback.models.imports import (
    DEAD_STATES,
    FINISHED_STATES,
    ImportJob,
    ImportKind,
    ImportPart,
    ImportRow,
    ImportSource,
    ImportState,
    RowOutcome,
)
from cashback.models.ledger import Account, AccountKind, Transfer, TransferKind, TransferQuerySet
from cashback.models.networks import (
    OPTIONAL_COLUMNS,
    REQUIRED_COLUMNS,
    BuyerReference,
    MappingProfile,
    Network,
    SignConvention,
)

__all__ = [
    "BOOKED_STATES",
    "DEAD_STATES",
    "FINAL_STATES",
    "FINISHED_STATES",
    "OPTIONAL_COLUMNS",
    "REQUIRED_COLUMNS",
    "SHOP",
    "Account",
    "AccountKind",
    "BuyerReference",
    "CancellationMatch",
    "CashbackEvent",
    "CashbackEventQuerySet",
    "CashbackState",
    "Conversion",
    "ConversionLine",
    "ConversionRevision",
    "ImportJob",
    "ImportKind",
    "ImportPart",
    "ImportRow",
    "ImportSource",
    "ImportState",
    "MappingProfile",
    "Network",
    "RowOutcome",
    "SignConvention",
    "Transfer",
    "TransferKind",
    "TransferQuerySet",
]
