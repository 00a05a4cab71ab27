"""Run as a process: prints the state of a flag whenever it changes.

`deaf`: without the help of pub/sub. `fork`: from a child, made while the parent listens and one of its threads looks.
"""

import os
import sys
import threading
import time

import django

django.setup()

from flags import is_enabled  # noqa: E402
from flags.current import current  # noqa: E402
from flags.listener import Listener  # noqa: E402

if "deaf" in sys.argv:
    Listener.ensure = lambda self: None  # type: ignore[method-assign]
if "fork" in sys.argv:
    is_enabled(sys.argv[1])
    time.sleep(0.2)
    threading.Thread(target=lambda: current._looking.acquire() and time.sleep(60), daemon=True).start()
    time.sleep(0.1)
    if pid := os.fork():
        os._exit(os.waitpid(pid, 0)[1])

shown, parent = None, os.getppid()
while os.getppid() == parent:  # a killed parent must leave nobody behind
    state = is_enabled(sys.argv[1])
    if state != shown:
        print(state, flush=True)  # noqa: T201
        shown = state
    time.sleep(0.001)
