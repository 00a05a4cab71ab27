"""A state machine over every service that moves money."""

import pytest

pytest.register_assert_rewrite(*[f"{__name__}.{part}" for part in ("machine", "giving", "wallet", "bank")])
