"""The API's description."""

from io import StringIO

from django.core.management import call_command


def test_description__is_drawn_without_a_warning() -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=StringIO())
