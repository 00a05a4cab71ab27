"""What is owed to customers and not yet theirs."""

from django.db.models import Sum

from cashback.models import Account, AccountKind
from monitoring.queries.pace import Amount, amount


def pending_amounts() -> list[Amount]:
    """Cashback that is noted and not yet confirmed, by currency, the largest first."""
    pending = Account.objects.filter(kind=AccountKind.PENDING, balance_minor__gt=0)
    rows = pending.values_list("currency").annotate(total=Sum("balance_minor")).order_by("-total")
    return [amount(total, currency) for currency, total in rows]
