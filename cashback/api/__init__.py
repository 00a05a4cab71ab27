"""REST of cashback: events, wallets and payouts for customers, conversions and imports for operators."""

from cashback.api.conversions import ConversionViewSet
from cashback.api.events import CashbackEventViewSet
from cashback.api.imports import ImportViewSet
from cashback.api.payouts import PayoutViewSet
from cashback.api.wallets import StatementView, TransfersView, WalletView

__all__ = [
    "CashbackEventViewSet",
    "ConversionViewSet",
    "ImportViewSet",
    "PayoutViewSet",
    "StatementView",
    "TransfersView",
    "WalletView",
]
