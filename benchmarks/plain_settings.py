"""The site's rows and tokens with what `startproject` writes around a view, and DRF as it comes."""

from coupon_site.settings import *  # noqa: F403  all of them

ROOT_URLCONF = "benchmarks.plain_order"
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.BearerAuthentication"]}
