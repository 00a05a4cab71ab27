#!/usr/bin/env python3
"""Exit 0 when the process on a port of this container lives."""

import sys
from http.client import HTTPConnection, HTTPException

OK = 200
# Liveness alone: a database that is away must not restart the fleet.
PATH = "/livez"


def is_alive(port: int) -> bool:
    """Whether the process answers within three seconds."""
    connection = HTTPConnection("127.0.0.1", port, timeout=3)
    try:
        connection.request("GET", PATH)
        return connection.getresponse().status == OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if is_alive(int(sys.argv[1])) else 1)
