#!/usr/bin/env python
"""The site's commands; starts the embedded servers for those that need them."""

import os
import signal
import sys
from contextlib import nullcontext

NEED_NO_SERVER = {"help", "collectstatic", "--help", "-h", "--version", "version"}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "coupon_site.settings")
    from django.conf import settings
    from django.core.management import execute_from_command_line

    from coupon_site.servers import ServerError, exit_with

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the embedded servers are left in order
    alone = len(sys.argv) < 2 or sys.argv[1] in NEED_NO_SERVER or "--help" in sys.argv
    try:
        with nullcontext() if alone else settings.EMBEDDED.running(**settings.EMBEDDED_PARTS):
            execute_from_command_line(sys.argv)
    except ServerError as error:
        exit_with(error)


if __name__ == "__main__":
    main()
