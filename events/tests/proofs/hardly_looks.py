"""`manage.py` with a relay that finds by itself only after seconds what nobody rang for."""

import django

django.setup()

from events.relay import relay  # noqa: E402  needs the apps
from manage import main  # noqa: E402

relay.POLL_SECONDS = 2.0
main()
