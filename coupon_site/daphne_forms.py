"""daphne without a parser of forms that nobody asked for."""

import sys
from functools import partial
from typing import Any


def leave_forms_to_django() -> None:
    """Where daphne serves: have it hand bodies on as they are.

    Twisted would read every form before Django does, refuse some with an answer of its own, and look at the type of
    every body with Python's parser of e-mails, which takes longer than everything else it does with a small request.
    """
    protocol: Any = sys.modules.get("daphne.http_protocol")
    if protocol:
        protocol.WebRequest = partial(protocol.WebRequest, parsePOSTFormSubmission=False)
