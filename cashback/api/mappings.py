"""How files are read, as clients send it and see it."""

from typing import Any

from rest_framework import serializers

from cashback.models import COLUMNS, DELIMITERS, ENCODINGS, SignConvention, StatusMeaning
from coupon_site.api import StrictSerializer


class MappingIn(StrictSerializer):
    """What is to be read otherwise than proposed; the rest stays."""

    columns = serializers.DictField(
        child=serializers.CharField(max_length=200), required=False, help_text=f"Field → column; {', '.join(COLUMNS)}"
    )
    delimiter = serializers.ChoiceField(choices=DELIMITERS, required=False)
    quote = serializers.ChoiceField(choices=['"', "'", ""], required=False)
    decimal_mark = serializers.ChoiceField(choices=[".", ","], required=False)
    date_format = serializers.CharField(max_length=40, required=False, help_text="As strptime takes it: %d/%m/%Y %H:%M")
    timezone = serializers.CharField(max_length=60, required=False)
    encoding = serializers.ChoiceField(choices=ENCODINGS, required=False)
    currency = serializers.RegexField("^[A-Z]{3}$", required=False)
    signs = serializers.ChoiceField(choices=SignConvention.choices, required=False)
    cancellation_prefix = serializers.CharField(max_length=5, required=False, allow_blank=True)
    statuses = serializers.DictField(
        child=serializers.ChoiceField(choices=StatusMeaning.choices), required=False, help_text="Word → meaning"
    )
    replaces = serializers.BooleanField(required=False)
    creates_buyers = serializers.BooleanField(required=False)


class StartIn(StrictSerializer):
    mapping = MappingIn(required=False)


class FindingOut(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="Stable, for programs: ambiguous_date, no_column, unknown_status, …")
    about = serializers.CharField(help_text="The field of the mapping")
    detail = serializers.CharField()
    options = serializers.ListField(child=serializers.CharField(), help_text="Answers to choose from, if there are few")


class PreviewLineOut(serializers.Serializer[Any]):
    row_no = serializers.IntegerField()
    outcome = serializers.ChoiceField(choices=["new", "known", "error"])
    reasons = serializers.ListField(child=serializers.CharField())
    raw = serializers.CharField(help_text="The line itself, when it would be rejected")
    external_id = serializers.CharField()
    occurred_at = serializers.DateTimeField(allow_null=True)
    buyer = serializers.CharField()
    item = serializers.CharField()
    quantity = serializers.IntegerField()
    amount_minor = serializers.IntegerField()
    currency = serializers.CharField()


class PreviewOut(serializers.Serializer[Any]):
    """What the first lines of a file would bring."""

    confidence = serializers.FloatField(help_text="From 0 to 1, how sure the mapping is")
    questions = FindingOut(many=True, help_text="To be answered before it starts")
    warnings = FindingOut(many=True)
    header = serializers.ListField(child=serializers.CharField())
    examples = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))
    lines = PreviewLineOut(many=True)
    totals = serializers.DictField(help_text="Of the first thousand lines")
