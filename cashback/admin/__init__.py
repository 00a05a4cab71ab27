"""Screens of cashback for operators and finance."""

from cashback.admin.conversions import ConversionAdmin
from cashback.admin.events import CashbackEventAdmin
from cashback.admin.imports import ImportJobAdmin
from cashback.admin.ledger import AccountAdmin, TransferAdmin
from cashback.admin.networks import BuyerReferenceAdmin, MappingProfileAdmin, NetworkAdmin
from cashback.admin.payouts import PayoutAdmin
from cashback.admin.rules import CashbackRuleAdmin
from cashback.admin.wallets import WalletAdmin

__all__ = [
    "AccountAdmin",
    "BuyerReferenceAdmin",
    "CashbackEventAdmin",
    "CashbackRuleAdmin",
    "ConversionAdmin",
    "ImportJobAdmin",
    "MappingProfileAdmin",
    "NetworkAdmin",
    "PayoutAdmin",
    "TransferAdmin",
    "WalletAdmin",
]
