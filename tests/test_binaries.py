import pytest

from tests.binaries import require_binary


def test_program_is_there__its_path_is_given() -> None:
    assert require_binary("sh").endswith("/sh")


def test_program_is_missing_on_a_laptop__test_is_skipped_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)

    with pytest.raises(pytest.skip.Exception, match="no-such-program is not installed"):
        require_binary("no-such-program")


def test_program_is_missing_in_ci__test_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")

    with pytest.raises(pytest.fail.Exception, match="no-such-program is not installed"):
        require_binary("no-such-program")
