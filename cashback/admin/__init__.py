"""Screens of cashback for operators and finance."""

from cashback.admin.conversions import ConversionAdmin
from cashback.admin.events import CashbackEventAdmin
from cashback.admin.imports import ImportJobAdmin
from cashback.admin.ledger import AccountAdmin, TransferAdmin
from cashback.admin.networks import BuyerReferenceAdmin, MappingProfileAdmin, NetworkAdmin

__all__ = [
    "AccountAdmin",
    "BuyerReferenceAdmin",
    "CashbackEventAdmin",
    "ConversionAdmin",
    "ImportJobAdmin",
    "MappingProfileAdmin",
    "NetworkAdmin",
    "TransferAdmin",
]
