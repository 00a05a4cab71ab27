"""The site's settings with what it is compared with."""

from coupon_site.settings import *  # noqa: F403  all of them
from coupon_site.settings import INSTALLED_APPS as OWN

INSTALLED_APPS = [*OWN, "import_export", "benchmarks"]
