"""A shop to look at: people, merchants, offers and a running flash sale."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from accounts.models import ApiToken, User
from accounts.roles import ROLES
from accounts.services import create_user, digest_of, keep_token
from cashback.switches import AUTO_APPROVE
from coupon_site.demo import SHOPPERS, STAFF_EMAIL, credentials, device_key_of, shopper_email, token_of
from coupon_site.management.demo_flags import make_demo_flags
from flags.choices import FlagSource
from flags.services import set_flag, sync_declared
from orders.models import FlashSale, Merchant, Offer
from orders.services import create_merchant, create_offer, open_sale
from vouchers.models import ScannerDevice
from vouchers.queries import digest_of as digest_of_device
from vouchers.services import keep_device

MERCHANTS = {
    "Harbour Coffee": "Europe/London",
    "Bella Napoli": "Europe/Rome",
    "Zen Day Spa": "Europe/Berlin",
    "Corner Books": "Europe/London",
    "Peak Climbing": "Europe/Vienna",
}
# title, merchant, worth, price, currency, cashback in basis points
OFFERS = [
    ("Breakfast for two", "Harbour Coffee", 2400, 1800, "GBP", 500),
    ("Ten flat whites", "Harbour Coffee", 3400, 2500, "GBP", 300),
    ("Pizza and a glass of wine", "Bella Napoli", 2200, 1600, "EUR", 400),
    ("Four-course dinner", "Bella Napoli", 5900, 4400, "EUR", 600),
    ("Sauna, a whole day", "Zen Day Spa", 4800, 3200, "EUR", 800),
    ("Massage, 60 minutes", "Zen Day Spa", 7900, 5900, "EUR", 750),
    ("Book voucher", "Corner Books", 5000, 4500, "GBP", 250),
    ("First climb with a guide", "Peak Climbing", 9900, 6900, "EUR", 1000),
]
FLASH_SALE = "Flash sale: Sauna, a whole day"
OPERATOR_EMAIL = "operator@coupon-site.example"
STAFF = {OPERATOR_EMAIL: ["operators", "flag-editors"], "finance@coupon-site.example": ["finance"]}


class Command(BaseCommand):
    help = "Make roles, staff, shoppers, merchants, offers and a running flash sale; what is there already stays."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--stock", type=int, default=500, help="units of the flash sale (default 500)")
        parser.add_argument("--sale-of", type=int, metavar="UNITS", help="only open one more sale, and print its id")

    def handle(self, *args: Any, **options: Any) -> str:
        if not settings.LOCAL:
            raise CommandError(
                "This site has a database of its own: demo data belong on a laptop (LOCAL=1).", returncode=2
            )
        if options["sale_of"] is not None:
            return str(open_flash_sale(options["sale_of"], limit=options["sale_of"]).public_id)
        with transaction.atomic():
            make_people()
            make_catalogue(options["stock"])
        make_flags()
        return f"Done: {Offer.objects.count()} offers of {Merchant.objects.count()} merchants, {SHOPPERS} shoppers."


def make_flags() -> None:
    """The declared flags and some to look at; in a new shop cashback needs nobody's approval, so that its whole way
    can be watched."""
    for flag in sync_declared(actor=None, source=FlagSource.COMMAND):
        if flag.key == AUTO_APPROVE:
            set_flag(key=flag.key, enabled=True, actor=None, source=FlagSource.COMMAND, reason="demo shop")
    owner, operator = (User.objects.get(email=email) for email in (STAFF_EMAIL, OPERATOR_EMAIL))
    make_demo_flags(owner=owner, operator=operator, at=timezone.now())


def make_people() -> None:
    """Staff with a login, shoppers with a token."""
    staff = credentials()
    owner = User.objects.filter(email=staff.email).first() or create_user(
        email=staff.email, name="Demo staff", is_staff=True
    )
    owner.set_password(staff.password)
    owner.is_superuser = True
    owner.save(update_fields=["password", "is_superuser"])
    owner.groups.set(Group.objects.filter(name__in=ROLES))
    for email, groups in STAFF.items():
        if not User.objects.filter(email=email).exists():
            create_user(email=email, password=staff.password, is_staff=True, groups=groups)
    for number in range(1, SHOPPERS + 1):
        make_shopper(number)


def make_shopper(number: int) -> None:
    email, text = shopper_email(number), token_of(number)
    user = User.objects.filter(email=email).first() or create_user(email=email, name=f"Shopper {number}")
    if not ApiToken.objects.filter(digest=digest_of(text)).exists():
        keep_token(user=user, name="Demo", text=text)


def make_catalogue(stock: int) -> None:
    """Merchants with a till each, their offers, and a flash sale."""
    merchants = {name: make_merchant(name, zone) for name, zone in MERCHANTS.items()}
    for title, merchant, value, price, currency, cashback in OFFERS:
        if not Offer.objects.filter(title=title).exists():
            create_offer(
                at=timezone.now(),
                stock=50_000,
                per_buyer_limit=10_000,
                title=title,
                merchant=merchants[merchant],
                value_minor=value,
                price_minor=price,
                currency=currency,
                cashback_basis_points=cashback,
            )
    if not FlashSale.objects.live(timezone.now()).filter(title=FLASH_SALE).exists():
        open_flash_sale(stock, limit=50)


def make_merchant(name: str, zone: str) -> Merchant:
    merchant = Merchant.objects.filter(name=name).first() or create_merchant(name=name, timezone=zone)
    key = device_key_of(name)
    if not ScannerDevice.objects.filter(digest=digest_of_device(key)).exists():
        keep_device(merchant=merchant, name="Till 1", key=key)
    return merchant


def open_flash_sale(stock: int, *, limit: int) -> FlashSale:
    """A sale of the sauna at two thirds of its price, for a week."""
    offer = Offer.objects.get(title="Sauna, a whole day")
    now = timezone.now()
    return open_sale(
        offer=offer,
        title=FLASH_SALE,
        stock=stock,
        starts_at=now,
        ends_at=now + timedelta(days=7),
        price_minor=offer.price_minor * 2 // 3,
        per_buyer_limit=max(1, limit),
    )
