"""How long a busy machine keeps a process from running, which is nobody's fault."""

import time

# A nap of milliseconds that takes longer is no nap.
LONGEST_NAP_SECONDS = 0.1


def nap(seconds: float) -> float:
    """Sleep for some milliseconds; for how long the process stood still instead, if it did."""
    began = time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - began
    return took if took > LONGEST_NAP_SECONDS else 0.0
