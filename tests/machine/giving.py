"""What owners, friends and tills do with vouchers."""

from datetime import datetime
from typing import NamedTuple

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from orders.gifts import GiftMode, GiftWish
from tests.machine.shop import Shop, of, perhaps, pick
from vouchers.answers import ScanResult
from vouchers.handlers import REFUSALS_KEPT
from vouchers.links import token_of
from vouchers.models import Gift, GiftState, Redemption, ScannerDevice, Voucher, VoucherState
from vouchers.services import claim_gift, create_gift, redeem_voucher, renew_link, revoke_gift, void_redemption


class Attempt(NamedTuple):
    """A scan, and what the till was told."""

    device: ScannerDevice
    code: str
    nonce: str
    result: ScanResult
    at: datetime


class Giving(Shop):
    def __init__(self) -> None:
        super().__init__()
        self.attempts: list[Attempt] = []
        self.claims: set[int] = set()

    # --- Tills ------------------------------------------------------------------------------------------------------
    @precondition(lambda self: self.facts.vouchers)
    @rule(voucher=pick, till=pick)
    def scan(self, voucher: int, till: int) -> None:
        chosen = of(Voucher.objects.order_by("pk"), voucher)
        device, nonce = of(self.world.tills, till), f"nonce {len(self.attempts)}"
        answer = redeem_voucher(device=device, code=chosen.code, nonce=nonce, at=self.now)
        self.attempts.append(Attempt(device, chosen.code, nonce, answer.result, self.now))
        self.uses[chosen.pk] += answer.result is ScanResult.OK
        assert answer.result is not ScanResult.OK or chosen.state == VoucherState.ACTIVE

    @precondition(lambda self: self.fresh_attempts())
    @rule(attempt=pick)
    def scan_is_sent_again(self, attempt: int) -> None:
        device, code, nonce, result, _ = of(self.fresh_attempts(), attempt)
        assert redeem_voucher(device=device, code=code, nonce=nonce, at=self.now).result is result

    def fresh_attempts(self) -> list[Attempt]:
        """Those that the site promises to remember."""
        return [attempt for attempt in self.attempts if self.now - attempt.at < REFUSALS_KEPT]

    @precondition(lambda self: +self.uses)
    @rule(use=pick)
    def scan_is_taken_back(self, use: int) -> None:
        chosen = of(Redemption.objects.filter(voids=None).select_related("device").order_by("pk"), use)
        is_new = not Redemption.objects.filter(voids=chosen).exists()
        done = perhaps(lambda: void_redemption(redemption=chosen, device=chosen.device, at=self.now))
        self.uses[chosen.voucher_id] -= bool(done and is_new)

    # --- Gifts ------------------------------------------------------------------------------------------------------
    @precondition(lambda self: self.facts.vouchers)
    @rule(voucher=pick, mode=st.sampled_from(GiftMode), later=st.sampled_from([1, 30]))
    def give(self, voucher: int, mode: GiftMode, later: int) -> None:
        chosen = of(Voucher.objects.select_related("owner", "offer", "merchant").order_by("pk"), voucher)
        wish = GiftWish(
            mode=mode,
            recipient_email="friend@example.com" if mode == GiftMode.EMAIL else "",
            deliver_at=self.now.replace(month=1 + (self.now.month + later // 30) % 12)
            if mode == GiftMode.DATE
            else None,
        )
        perhaps(lambda: create_gift(voucher=chosen, giver=chosen.owner or self.world.staff[0], wish=wish, at=self.now))

    @precondition(lambda self: self.facts.gifts)
    @rule(gift=pick, claimer=st.none() | pick)
    def claim(self, gift: int, claimer: int | None) -> None:
        """By whoever has the link; once."""
        chosen = of(Gift.objects.order_by("pk"), gift)
        friend = None if claimer is None else of(self.world.buyers, claimer)
        if perhaps(lambda: claim_gift(token=token_of(chosen.seed), claimer=friend, at=self.now)):
            assert chosen.state == GiftState.SENT
            assert chosen.pk not in self.claims
            self.claims.add(chosen.pk)

    @precondition(lambda self: self.facts.gifts)
    @rule(gift=pick)
    def revoke(self, gift: int) -> None:
        chosen = of(Gift.objects.with_voucher().order_by("pk"), gift)
        perhaps(lambda: revoke_gift(gift=chosen, at=self.now, actor=chosen.giver))

    @precondition(lambda self: self.facts.gifts)
    @rule(gift=pick)
    def link_is_renewed(self, gift: int) -> None:
        perhaps(lambda: renew_link(gift=of(Gift.objects.order_by("pk"), gift)))
