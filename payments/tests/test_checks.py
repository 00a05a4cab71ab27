import pytest
from pytest_django import Settings

from payments.checks import provider_is_known


@pytest.mark.parametrize(("name", "errors"), [("sandbox", []), ("piggy_bank", ["payments.E001"])])
def test_provider_without_an_adapter__is_an_error(settings: Settings, name: str, errors: list[str]) -> None:
    settings.PAYMENT_PROVIDER = name

    assert [error.id for error in provider_is_known()] == errors
