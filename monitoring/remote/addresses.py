"""Where the servers are on this machine, unless somebody says otherwise."""

import os

PROMETHEUS = f"http://127.0.0.1:{os.environ.get('PROMETHEUS_PORT') or 9090}"
ALERTMANAGER = f"http://127.0.0.1:{os.environ.get('ALERTMANAGER_PORT') or 9093}"
