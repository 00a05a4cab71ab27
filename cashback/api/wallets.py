"""A customer's wallet."""

from typing import Any, cast

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from cashback.models import Account, Transfer, TransferKind
from cashback.queries import Balance, balances_of, statement_of
from coupon_site.api import PROBLEM_RESPONSES

PLATFORM = "platform"


class BalanceOut(serializers.Serializer[Balance]):
    currency = serializers.CharField()
    pending_minor = serializers.IntegerField(help_text="Noted, not yet to be spent")
    available_minor = serializers.IntegerField(help_text="To be spent")


class StatementLineOut(serializers.ModelSerializer[Transfer]):
    """Money that moved from one account to another."""

    id = serializers.UUIDField(source="public_id")
    kind = serializers.ChoiceField(choices=TransferKind.choices)
    origin = serializers.SerializerMethodField(help_text="`platform` is everything outside of the wallet")
    target = serializers.SerializerMethodField()
    currency = serializers.CharField(source="debit.currency")
    cause_type = serializers.CharField(source="source_type")
    cause = serializers.UUIDField(source="source_id")

    class Meta:
        model = Transfer
        fields = ["id", "kind", "origin", "target", "amount_minor", "currency", "cause_type", "cause", "created_at"]

    def get_origin(self, transfer: Transfer) -> str:
        return shown(transfer.debit)

    def get_target(self, transfer: Transfer) -> str:
        return shown(transfer.credit)


def shown(account: Account) -> str:
    return PLATFORM if account.is_platform else str(account.kind)


class StatementOut(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = StatementLineOut(many=True)


class WalletOut(serializers.Serializer[Any]):
    balances = BalanceOut(many=True)
    statement = StatementOut()


class WalletView(GenericAPIView[Transfer]):
    """The caller's balances, and what led to them."""

    filter_backends = ()
    serializer_class = StatementLineOut
    queryset = Transfer.objects.none()

    @extend_schema(
        operation_id="wallet_retrieve",
        parameters=[OpenApiParameter("cursor", str), OpenApiParameter("page_size", int)],
        responses={200: WalletOut, **PROBLEM_RESPONSES},
    )
    def get(self, request: Request) -> Response:
        """Balances by currency, and the statement, the latest first, a page at a time."""
        user = cast(User, request.user)
        page = self.paginate_queryset(statement_of(user))
        statement = self.get_paginated_response(StatementLineOut(page, many=True).data).data
        balances = [BalanceOut(balance).data for balance in balances_of(user)]
        return Response({"balances": balances, "statement": statement})
