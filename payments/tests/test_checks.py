import pytest
from pytest_django import Settings

from payments.checks import capture_mode_is_known, provider_is_known, stripe_is_configured


@pytest.mark.parametrize(("name", "errors"), [("sandbox", []), ("piggy_bank", ["payments.E001"])])
def test_provider_without_an_adapter__is_an_error(settings: Settings, name: str, errors: list[str]) -> None:
    settings.PAYMENT_PROVIDER = name

    assert [error.id for error in provider_is_known()] == errors


@pytest.mark.parametrize(
    ("provider", "key", "secrets", "errors"),
    [
        ("stripe", "sk", ["whsec"], 0),
        ("stripe", "", ["whsec"], 1),
        ("stripe", "sk", [], 1),
        ("stripe", "", [], 2),
        ("sandbox", "", [], 0),
    ],
    ids=["complete", "no key", "no secret", "nothing", "not used"],
)
def test_stripe_without_key_or_secret__is_an_error(
    settings: Settings, provider: str, key: str, secrets: list[str], errors: int
) -> None:
    settings.PAYMENT_PROVIDER, settings.STRIPE_SECRET_KEY, settings.STRIPE_WEBHOOK_SECRETS = provider, key, secrets

    assert [error.id for error in stripe_is_configured()] == ["payments.E002"] * errors


@pytest.mark.parametrize(("mode", "errors"), [("manual", []), ("later", ["payments.E003"])], ids=["known", "unknown"])
def test_unknown_capture_mode__is_an_error(settings: Settings, mode: str, errors: list[str]) -> None:
    settings.PAYMENT_CAPTURE = mode

    assert [error.id for error in capture_mode_is_known()] == errors
