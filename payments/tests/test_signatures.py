import pytest

from payments.errors import WebhookRefused
from payments.metrics import WEBHOOK_FAILURES
from payments.signatures import TOLERANCE_SECONDS, digest, sign, verify

BODY = b'{"id": "evt_1"}'
NOW = 1_800_000_000


def reason(header: str, *, body: bytes = BODY, secrets: tuple[str, ...] = ("new", "old"), at: float = NOW) -> str:
    with pytest.raises(WebhookRefused) as refusal:
        verify(header, body, secrets=secrets, at=at)
    assert refusal.value.reason in WEBHOOK_FAILURES
    return refusal.value.reason


def test_known_signature__is_stripes_form() -> None:
    """Computed apart with `openssl dgst -sha256 -hmac secret` over `1.body`."""
    assert sign(b"body", secret="secret", at=1) == f"t=1,v1={EXPECTED}"


EXPECTED = "842b24d9575dee4b6ec460b7e3af7d683501d84fe6279102340787c79d2e2bab"


@pytest.mark.parametrize("secret", ["new", "old"])
def test_either_of_two_secrets__is_accepted(secret: str) -> None:
    verify(sign(BODY, secret=secret, at=NOW), BODY, secrets=["new", "old"], at=NOW)


def test_one_of_several_digests__is_enough() -> None:
    header = f"t={NOW},v1={'0' * 64},v0=x,v1={digest(BODY, secret='new', at=NOW)}"

    verify(header, BODY, secrets=["new"], at=NOW)


@pytest.mark.parametrize("skew", [-TOLERANCE_SECONDS, 0, TOLERANCE_SECONDS])
def test_clocks_that_differ_a_little__are_accepted(skew: int) -> None:
    verify(sign(BODY, secret="new", at=NOW + skew), BODY, secrets=["new"], at=NOW)


@pytest.mark.parametrize("skew", [-TOLERANCE_SECONDS - 1, TOLERANCE_SECONDS + 1])
def test_too_old_and_too_new__are_refused(skew: int) -> None:
    assert reason(sign(BODY, secret="new", at=NOW + skew)) == "timestamp"


def test_another_secret_body_or_time__is_refused() -> None:
    header = sign(BODY, secret="new", at=NOW)

    assert reason(sign(BODY, secret="foreign", at=NOW)) == "wrong_signature"
    assert reason(header, body=BODY + b" ") == "wrong_signature"
    assert reason(header.replace(f"t={NOW}", f"t={NOW + 1}")) == "wrong_signature"
    assert reason(header, secrets=("other",)) == "wrong_signature"


@pytest.mark.parametrize(
    "header",
    [
        "nonsense",
        f"t={NOW}",
        "v1=00",
        "t=,v1=00",
        "t=x,v1=00",
        "t=-1,v1=00",
        "t=١,v1=00",
        f"t={'9' * 40},v1=00",
        "t=1,t=2,v1=0",
    ],
)
def test_header_of_another_form__is_refused(header: str) -> None:
    assert reason(header) == "malformed_signature"


def test_digest_that_is_no_hex__is_refused() -> None:
    assert reason(f"t={NOW},v1=ünicode") == "wrong_signature"


def test_no_header_and_no_secret__are_refused() -> None:
    assert reason("") == "no_signature"
    assert reason(sign(BODY, secret="new", at=NOW), secrets=()) == "no_secret"
