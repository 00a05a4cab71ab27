"""REST of cashback: events and wallets for customers, conversions and imports for operators."""

from cashback.api.conversions import ConversionViewSet
from cashback.api.events import CashbackEventViewSet
from cashback.api.imports import ImportViewSet
from cashback.api.wallets import WalletView

__all__ = ["CashbackEventViewSet", "ConversionViewSet", "ImportViewSet", "WalletView"]
