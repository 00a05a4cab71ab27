"""What daphne hands on, said back; with FORMS=left as the site has it."""

import os
from typing import Any

from coupon_site.daphne_forms import leave_forms_to_django

if os.environ.get("FORMS") == "left":
    leave_forms_to_django()


async def application(scope: Any, receive: Any, send: Any) -> None:
    body = (await receive())["body"]
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})
