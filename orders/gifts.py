"""What a buyer wants done with the units of a line that are a present."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

from django.db import models


class GiftMode(models.TextChoices):
    LINK = "link", "Link"
    EMAIL = "email", "E-mail"
    DATE = "date", "Later date"


class GiftTheme(models.TextChoices):
    PLAIN = "plain", "Plain"
    BIRTHDAY = "birthday", "Birthday"
    THANKS = "thanks", "Thank you"
    WEDDING = "wedding", "Wedding"
    CHRISTMAS = "christmas", "Christmas"


@dataclass(frozen=True, kw_only=True)
class GiftWish:
    """How something is given. On a later date with an address it is mailed then; without, its link opens then."""

    mode: GiftMode
    theme: GiftTheme = GiftTheme.PLAIN
    message: str = ""
    recipient_name: str = ""
    recipient_email: str = ""
    deliver_at: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """As an order's line keeps it."""
        return {**asdict(self), "deliver_at": self.deliver_at and self.deliver_at.isoformat()}

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Self:
        """What `as_json` made."""
        moment = kept["deliver_at"]
        return cls(
            **{
                **kept,
                "mode": GiftMode(kept["mode"]),
                "theme": GiftTheme(kept["theme"]),
                "deliver_at": moment and datetime.fromisoformat(moment),
            }
        )
