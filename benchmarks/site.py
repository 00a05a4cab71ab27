"""The site that benchmarks run, with what it takes of the site's own code: that needs Django first."""

import os

import django
from django.apps import apps

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "coupon_site.settings")
os.environ.setdefault("LOCAL", "1")
if not apps.ready:
    django.setup()

from events.services.writing import INSERT_FACTS
from tests.live import PORT_NAMES, ROOT
from tests.live_events import CHANNEL, NODES, STAFF, LiveEvents, document_of, ring_at

__all__ = ["CHANNEL", "INSERT_FACTS", "NODES", "PORT_NAMES", "ROOT", "STAFF", "LiveEvents", "document_of", "ring_at"]
