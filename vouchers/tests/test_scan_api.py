"""What tills do by REST."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from vouchers.codes import new_code
from vouchers.models import Redemption, Voucher, VoucherState
from vouchers.services import register_device, revoke_device
from vouchers.tests.factories import accepted, new_till, new_voucher
from vouchers.throttles import GuessThrottle, ScanThrottle

pytestmark = pytest.mark.django_db

CHECK, REDEEM = "/api/v1/scan/check", "/api/v1/scan/redeem"


class Till:
    """A till with its key, as a client."""

    def __init__(self, voucher: Voucher | None = None) -> None:
        merchant = voucher.merchant if voucher else new_till().merchant
        self.device, self.key = register_device(merchant=merchant, name="Bar")
        self.client = APIClient()
        self.client.credentials(HTTP_AUTHORIZATION=f"Device {self.key}")

    def check(self, code: str) -> Any:
        return self.client.post(CHECK, {"code": code})

    def redeem(self, code: str, nonce: str = "") -> Any:
        return self.client.post(REDEEM, {"code": code, "nonce": nonce or uuid4().hex})

    def void(self, redemption: object) -> Any:
        return self.client.post(f"/api/v1/scan/redemptions/{redemption}/void")


@pytest.fixture
def bar(voucher: Voucher) -> Till:
    """A till that may take the voucher."""
    return Till(voucher)


def refusal(answer: Any) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json", answer.content
    return answer.status_code, answer.json()["code"]


def test_good_voucher__is_taken_once(bar: Till, voucher: Voucher) -> None:
    checked = bar.check(voucher.code_in_groups).json()
    taken = bar.redeem(voucher.code_in_groups, "one")

    use = Redemption.objects.get()
    shown = checked["voucher"]
    assert (checked["result"], checked["redemption"]) == ("ok", None)
    assert shown == {
        "id": str(voucher.public_id),
        "title": "Dinner for two",
        "value_minor": 5000,
        "currency": "GBP",
        "uses_total": 1,
        "uses_left": 1,
        "valid_from": shown["valid_from"],
        "expires_at": shown["expires_at"],
        "last_date": voucher.last_date.isoformat(),
    }
    assert taken.status_code == 200
    assert taken.json() == {
        "result": "ok",
        "message": "The voucher is valid.",
        "voucher": {**shown, "uses_left": 0},
        "redemption": {
            "id": str(use.public_id),
            "voids": None,
            "void_until": (use.created_at + timedelta(seconds=900)).isoformat().replace("+00:00", "Z"),
            "created_at": taken.json()["redemption"]["created_at"],
        },
    }
    assert bar.redeem(voucher.code, "one").json() == taken.json()
    assert bar.redeem(voucher.code, "two").json()["result"] == "already_redeemed"


@pytest.mark.parametrize("path", ["/api/scan", REDEEM, f"{REDEEM}/"])
def test_every_address_of_redeeming__redeems(bar: Till, voucher: Voucher, path: str) -> None:
    answer = bar.client.post(path, {"code": voucher.code, "nonce": "one"})

    voucher.refresh_from_db()
    assert answer.json()["result"] == "ok"
    assert voucher.state == VoucherState.REDEEMED


def test_scan__needs_no_cross_site_token(bar: Till, voucher: Voucher) -> None:
    strict = APIClient(enforce_csrf_checks=True)
    strict.credentials(HTTP_AUTHORIZATION=f"Device {bar.key}")

    for path in ("/api/scan", REDEEM):
        assert strict.post(path, {"code": voucher.code, "nonce": "one"}).json()["result"] == "ok"


@pytest.mark.parametrize("state", [VoucherState.CANCELLED, VoucherState.EXPIRED, VoucherState.GIFT_LOCKED])
def test_refusal_at_the_right_till__shows_the_voucher_and_no_reason_but_the_code(
    user: User, state: VoucherState
) -> None:
    voucher = new_voucher(user, state=state)

    answer = Till(voucher).redeem(voucher.code).json()

    assert answer["result"] == state
    assert answer["message"] == "This voucher can't be redeemed here."
    assert answer["voucher"]["id"] == str(voucher.public_id)
    assert answer["redemption"] is None


def test_foreign_and_unknown_codes__are_told_nothing_more(voucher: Voucher) -> None:
    stranger = Till()

    foreign, unknown = stranger.redeem(voucher.code).json(), stranger.redeem(new_code()).json()

    rest = {"message": "This voucher can't be redeemed here.", "voucher": None, "redemption": None}
    assert foreign == stranger.check(voucher.code).json() == {"result": "wrong_merchant", **rest}
    assert unknown == {"result": "unknown", **rest}


def test_revoked_till__is_told_so(bar: Till, voucher: Voucher) -> None:
    use = accepted(new_till(voucher.merchant), voucher)
    revoke_device(device=bar.device, at=timezone.now())

    for answer in (bar.check(voucher.code), bar.redeem(voucher.code), bar.void(use.public_id)):
        assert refusal(answer) == (403, "device_revoked")

    assert Redemption.objects.count() == 1


@pytest.mark.parametrize("header", ["", "Device", "Device ", "Device x", "Device \xff", "Bearer x", "device"])
def test_stranger__is_sent_away(voucher: Voucher, header: str) -> None:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=header)

    answer = client.post(REDEEM, {"code": voucher.code, "nonce": "one"})

    assert answer.status_code == 401
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["WWW-Authenticate"] == "Device"
    assert not Redemption.objects.exists()


def test_operator_without_a_till__is_sent_away(
    operator: User, api_of: Callable[[User], APIClient], voucher: Voucher
) -> None:
    answer = api_of(operator).post(REDEEM, {"code": voucher.code, "nonce": "one"})

    assert refusal(answer) == (401, "not_authenticated")


def test_key_of_a_till__opens_no_other_door(bar: Till) -> None:
    assert refusal(bar.client.get("/api/v1/vouchers/")) == (401, "not_authenticated")


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        None,
        {"code": None, "nonce": "a"},
        {"code": "", "nonce": "a"},
        {"code": "x" * 81, "nonce": "a"},
        {"code": {"a": 1}, "nonce": "a"},
        {"code": "x"},
        {"code": "x", "nonce": ""},
        {"code": "x", "nonce": "void:1"},
        {"code": "x", "nonce": "a b"},
        {"code": "x", "nonce": "a" * 65},
        {"code": "x", "nonce": None},
        {"code": "x", "nonce": "a", "uses": 2},
    ],
)
def test_scan_that_makes_no_sense__is_a_bad_request(bar: Till, body: object) -> None:
    assert refusal(bar.client.post(REDEEM, body)) == (400, "invalid")


def test_nul_and_broken_json__are_bad_requests(bar: Till) -> None:
    for body in (b'{"code": "\\u0000", "nonce": "a"}', b"{", b"\xff"):
        answer = bar.client.post(REDEEM, body, content_type="application/json")

        assert refusal(answer) == (400, "parse_error")


def test_code_of_strange_characters__is_unknown(bar: Till) -> None:
    for code in ("é" * 17, "😀", "%00", "' OR 1=1 --"):
        assert bar.redeem(code).json()["result"] == "unknown"


# --- taking back ---


def test_use__is_taken_back_at_any_till_of_the_merchant(bar: Till, voucher: Voucher) -> None:
    use = bar.redeem(voucher.code).json()["redemption"]
    door = Till(voucher)

    first, again = door.void(use["id"]), bar.void(use["id"])

    voucher.refresh_from_db()
    assert first.status_code == 200
    assert first.json()["voids"] == use["id"]
    assert first.json()["void_until"] is None
    assert again.json() == first.json()
    assert voucher.uses_done == 0


def test_use_at_another_merchant__is_not_there(bar: Till, voucher: Voucher) -> None:
    use = bar.redeem(voucher.code).json()["redemption"]

    assert refusal(Till().void(use["id"])) == (404, "not_found")

    voucher.refresh_from_db()
    assert voucher.uses_done == 1


def test_use_of_long_ago__stays(bar: Till, voucher: Voucher) -> None:
    use = accepted(bar.device, voucher, at=timezone.now())
    Redemption.objects.update(created_at=timezone.now() - timedelta(seconds=901))

    assert refusal(bar.void(use.public_id)) == (409, "void_window_over")
    assert Redemption.objects.count() == 1


def test_reversal__can_not_be_taken_back(bar: Till, voucher: Voucher) -> None:
    use = accepted(bar.device, voucher)
    reversal = bar.void(use.public_id).json()["id"]

    assert refusal(bar.void(reversal)) == (409, "not_a_use")


@pytest.mark.parametrize("garbage", ["0190b3c2-7d6e-7000-8000-000000000001", "-" * 36, "a" * 36, "1"])
def test_id_that_is_none__is_not_found(bar: Till, garbage: str) -> None:
    assert refusal(bar.void(garbage)) == (404, "not_found")


# --- limits ---


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three wrong codes, or six scans."""
    rates = {**settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"], "guess": "3/min", "scan": "6/min"}
    monkeypatch.setattr(GuessThrottle, "THROTTLE_RATES", rates)
    monkeypatch.setattr(ScanThrottle, "THROTTLE_RATES", rates)


def test_till_that_guesses__has_to_wait_even_with_a_good_code(limits: None, bar: Till, voucher: Voucher) -> None:
    for guess in (bar.redeem, bar.check, bar.redeem):
        assert guess(new_code()).json()["result"] == "unknown"

    answer = bar.redeem(voucher.code)

    assert refusal(answer) == (429, "throttled")
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert not Redemption.objects.exists()
    assert Till(voucher).redeem(voucher.code).json()["result"] == "ok"


def test_codes_of_other_merchants__are_guesses_too(limits: None, voucher: Voucher) -> None:
    stranger = Till()
    for _ in range(3):
        assert stranger.check(voucher.code).json()["result"] == "wrong_merchant"

    assert refusal(stranger.check(voucher.code)) == (429, "throttled")


def test_honest_till__is_held_up_by_the_number_of_its_scans_only(limits: None, bar: Till, voucher: Voucher) -> None:
    for _ in range(5):
        bar.redeem(voucher.code)
    assert bar.redeem(voucher.code).json()["result"] == "already_redeemed"

    assert refusal(bar.redeem(voucher.code)) == (429, "throttled")


# --- costs ---


def test_statements__stay_few(bar: Till, voucher: Voucher, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    # The till, the voucher.
    with django_assert_num_queries(2):
        bar.check(voucher.code)
    # Savepoint; the till, its turn, the attempt in both tables, the voucher; savepoint; the use 4, the counter, what is
    # left; the move with its history 5; the event; both released.
    with django_assert_num_queries(21):
        bar.redeem(voucher.code, "one")
    # The till; savepoint, its turn, the attempt, release.
    with django_assert_num_queries(5):
        bar.redeem(voucher.code, "one")
