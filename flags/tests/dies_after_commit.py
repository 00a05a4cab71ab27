"""Run as a process: turns a flag on, and dies between commit and publication."""

import os
import sys

import django

django.setup()

from flags.services import changes  # noqa: E402

changes.publish_flags = lambda: os._exit(9)  # type: ignore[assignment]
changes.set_flag(key=sys.argv[1], enabled=True, actor=None, source="command")
