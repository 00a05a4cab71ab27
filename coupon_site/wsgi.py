"""HTTP of one server process, without sockets: what Django does costs several times more under ASGI."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "coupon_site.settings")
application = get_wsgi_application()

from django.conf import settings  # noqa: E402  settings are read by the line above
from granian.utils.proxies import wrap_wsgi_with_proxy_headers  # noqa: E402

from coupon_site.checks import refuse_unsafe_settings  # noqa: E402
from coupon_site.process import serve_metrics_port  # noqa: E402
from monitoring.processes import start_reporting  # noqa: E402  models exist only after the first line

refuse_unsafe_settings()
if settings.SECURE_PROXY_SSL_HEADER:
    # Nobody but the proxy reaches a process behind one, and the proxy replaces what visitors claim.
    application = wrap_wsgi_with_proxy_headers(application, trusted_hosts="*")
start_reporting()
serve_metrics_port()
