"""A customer's wallet: what is in it, what moved, and statements."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, cast

import orjson
from django.http.response import HttpResponseBase
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from cashback.models import Account, Transfer, TransferKind, TransferQuerySet
from cashback.queries import Balance, Position, Statement, StatementLine, balances_of, statement_over, transfers_of
from coupon_site.api import PROBLEM_RESPONSES, StrictSerializer
from coupon_site.api.streams import Streamed
from payments.models import CURRENCY

PLATFORM = "platform"
COLUMNS = (
    "at", "kind", "cause_type", "cause", "currency", "pending_minor", "available_minor", "pending_after_minor",
    "available_after_minor",
)  # fmt: skip


class BalanceOut(serializers.Serializer[Balance]):
    currency = serializers.CharField()
    pending_minor = serializers.IntegerField(help_text="Noted, not yet to be spent")
    available_minor = serializers.IntegerField(help_text="To be spent; below zero it is owed")
    debt_minor = serializers.IntegerField(help_text="Taken back after it had been spent")


class WalletOut(serializers.Serializer[Any]):
    balances = BalanceOut(many=True)


class TransferOut(serializers.ModelSerializer[Transfer]):
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


class WalletView(APIView):
    """The caller's wallet."""

    @extend_schema(operation_id="wallet_retrieve", responses={200: WalletOut, **PROBLEM_RESPONSES})
    def get(self, request: Request) -> Response:
        """Balances by currency."""
        balances = [BalanceOut(balance).data for balance in balances_of(cast(User, request.user))]
        return Response({"balances": balances})


@extend_schema_view(
    get=extend_schema(
        operation_id="wallet_transfers_list", responses={200: TransferOut(many=True), **PROBLEM_RESPONSES}
    )
)
class TransfersView(ListAPIView[Transfer]):
    """What led to the balances, the latest first."""

    filter_backends = ()
    serializer_class = TransferOut
    queryset = Transfer.objects.none()

    def get_queryset(self) -> TransferQuerySet:
        if self.request.user.is_anonymous:  # the API's description is drawn without a user
            return Transfer.objects.none()
        return transfers_of(self.request.user)


class PeriodIn(StrictSerializer):
    currency = serializers.RegexField(CURRENCY)
    since = serializers.DateTimeField(required=False, help_text="From this moment; without: this month")
    until = serializers.DateTimeField(required=False, help_text="Up to, not including, this moment; without: now")
    form = serializers.ChoiceField(["json", "csv"], default="json")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        now = timezone.now()
        attrs.setdefault("until", now)
        attrs.setdefault("since", now.replace(day=1, hour=0, minute=0, second=0, microsecond=0))
        if attrs["since"] >= attrs["until"]:
            raise serializers.ValidationError({"until": ["It has to be after `since`."]})
        return attrs


class PositionOut(serializers.Serializer[Position]):
    pending_minor = serializers.IntegerField()
    available_minor = serializers.IntegerField()


class StatementLineOut(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    kind = serializers.ChoiceField(choices=TransferKind.choices)
    cause_type = serializers.CharField()
    cause = serializers.UUIDField()
    currency = serializers.CharField()
    pending_minor = serializers.IntegerField()
    available_minor = serializers.IntegerField()
    pending_after_minor = serializers.IntegerField()
    available_after_minor = serializers.IntegerField()


class StatementOut(serializers.Serializer[Any]):
    """Opening balance and lines add up to the closing balance."""

    currency = serializers.CharField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    opening = PositionOut()
    lines = StatementLineOut(many=True)
    closing = PositionOut()


class StatementView(APIView):
    """The caller's wallet over a period."""

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[BaseRenderer, str]:  # noqa: FBT001, FBT002  REST framework's signature
        """Whatever is accepted: `form` says what comes, and a refusal is JSON."""
        return super().perform_content_negotiation(request, force=True)

    @extend_schema(
        operation_id="wallet_statement",
        parameters=[PeriodIn],
        responses={
            (200, "application/json"): StatementOut,
            (200, "text/csv"): OpenApiTypes.STR,
            **PROBLEM_RESPONSES,
        },
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Opening balance, every transfer, closing balance; as JSON, or as a file for a spreadsheet."""
        data = PeriodIn(data=request.query_params.dict())
        data.is_valid(raise_exception=True)
        asked = dict(data.validated_data)
        as_csv = asked.pop("form") == "csv"
        statement = statement_over(cast(User, request.user), **asked)
        if not as_csv:
            return Streamed(json_of(statement), content_type="application/json")
        name = f"statement-{statement.currency}-{statement.since:%Y-%m-%d}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Streamed(csv_of(statement), content_type="text/csv; charset=utf-8", headers=headers)


def row_of(line: StatementLine, currency: str) -> dict[str, object]:
    """A line under the names of its columns."""
    transfer = line.transfer
    cause = (transfer.created_at, transfer.kind, transfer.source_type, transfer.source_id, currency)
    return dict(zip(COLUMNS, (*cause, line.pending_minor, line.available_minor, *line.after), strict=True))


def json_of(statement: Statement) -> Iterator[bytes]:
    """The statement piece by piece."""
    head = {"currency": statement.currency, "since": statement.since, "until": statement.until}
    yield dumps({**head, "opening": statement.opening._asdict()})[:-1] + b',"lines":['
    closing, comma = statement.opening, b""
    for line in statement.lines():
        yield comma + dumps(row_of(line, statement.currency))
        closing, comma = line.after, b","
    yield b'],"closing":' + dumps(closing._asdict()) + b"}"


def dumps(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_UTC_Z)


def csv_of(statement: Statement) -> Iterator[bytes]:
    """The same as a table; nothing in it needs quotes."""
    yield table_row(COLUMNS)
    yield balance_row("opening", statement, statement.since, statement.opening)
    closing = statement.opening
    for line in statement.lines():
        yield table_row(row_of(line, statement.currency).values())
        closing = line.after
    yield balance_row("closing", statement, statement.until, closing)


def balance_row(kind: str, statement: Statement, at: datetime, position: Position) -> bytes:
    return table_row([at, kind, "", "", statement.currency, "", "", *position])


def table_row(values: Any) -> bytes:
    return ",".join(each.isoformat() if isinstance(each, datetime) else str(each) for each in values).encode() + b"\r\n"
