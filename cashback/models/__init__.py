"""Tables of cashback."""

from cashback.models.bank import SandboxState, SandboxTransfer
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
    COLUMNS,
    DELIMITERS,
    ENCODINGS,
    MAPPING_FIELDS,
    OPTIONAL_COLUMNS,
    REQUIRED_COLUMNS,
    BuyerReference,
    MappingProfile,
    Network,
    SignConvention,
    StatusMeaning,
)
from cashback.models.payouts import OPEN_STATES, STUCK_AFTER, Payout, PayoutQuerySet, PayoutState
from cashback.models.rules import CashbackRule, CashbackRuleQuerySet
from cashback.models.wallets import Wallet

__all__ = [
    "BOOKED_STATES",
    "COLUMNS",
    "DEAD_STATES",
    "DELIMITERS",
    "ENCODINGS",
    "FINAL_STATES",
    "FINISHED_STATES",
    "MAPPING_FIELDS",
    "OPEN_STATES",
    "OPTIONAL_COLUMNS",
    "REQUIRED_COLUMNS",
    "SHOP",
    "STUCK_AFTER",
    "Account",
    "AccountKind",
    "BuyerReference",
    "CancellationMatch",
    "CashbackEvent",
    "CashbackEventQuerySet",
    "CashbackRule",
    "CashbackRuleQuerySet",
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
    "Payout",
    "PayoutQuerySet",
    "PayoutState",
    "RowOutcome",
    "SandboxState",
    "SandboxTransfer",
    "SignConvention",
    "StatusMeaning",
    "Transfer",
    "TransferKind",
    "TransferQuerySet",
    "Wallet",
]
