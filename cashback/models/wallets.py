"""A user, as whoever looks after wallets sees them."""

from accounts.models import User


class Wallet(User):
    """The same row as the user."""

    class Meta:
        proxy = True
        permissions = [("adjust_wallet", "Can adjust wallets")]
