"""A payout's money, and the news of its moves."""

from django.db import transaction

from cashback.events import PayoutFact
from cashback.metrics import payouts_total
from cashback.models import Account, AccountKind, Payout, PayoutState, Transfer, TransferKind
from cashback.services.ledger import platform_account, transfer
from cashback.services.wallets import wallet_of
from events import publish

SOURCE = "payout"


def set_aside(payout: Payout, available: Account) -> Transfer:
    """Out of the wallet, into clearing. Raises InsufficientFunds."""
    return move_money(payout, TransferKind.PAYOUT, debit=available, credit=clearing(payout))


def settle(payout: Payout) -> Transfer:
    """Out of clearing: the bank has paid it."""
    gone = platform_account(kind=AccountKind.PAID_OUT, currency=payout.currency)
    return move_money(payout, TransferKind.SETTLEMENT, debit=clearing(payout), credit=gone)


def give_back(payout: Payout) -> Transfer:
    """Out of clearing, back into the wallet."""
    reserve = Transfer.objects.get(source_type=SOURCE, source_id=payout.public_id, reason=TransferKind.PAYOUT)
    available = wallet_of(payout.buyer, currency=payout.currency)
    return move_money(payout, TransferKind.RETURN, debit=clearing(payout), credit=available, reverses=reserve)


def clearing(payout: Payout) -> Account:
    return platform_account(kind=AccountKind.PAYOUT_CLEARING, currency=payout.currency)


def move_money(
    payout: Payout, kind: TransferKind, *, debit: Account, credit: Account, reverses: Transfer | None = None
) -> Transfer:
    return transfer(
        debit=debit,
        credit=credit,
        amount_minor=payout.amount_minor,
        source_type=SOURCE,
        source_id=payout.public_id,
        reason=kind.value,
        reverses=reverses,
    )


def tell(payout: Payout, fact: type[PayoutFact]) -> None:
    """Tell the buyer and those who look after payouts, and count it."""
    publish(
        fact(
            payout=payout.public_id,
            buyer=payout.buyer.public_id,
            state=payout.state,
            amount_minor=payout.amount_minor,
            currency=payout.currency,
            failure_code=payout.failure_code,
        )
    )
    if payout.state not in (PayoutState.APPROVED, PayoutState.PROCESSING):
        transaction.on_commit(payouts_total.labels(status=str(payout.state)).inc)
