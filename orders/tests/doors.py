"""Calling the REST doors."""

from typing import Any
from uuid import uuid4

from rest_framework.test import APIClient

from orders.models import FlashSale


def post(client: APIClient, path: str, body: object, key: str | None = "") -> Any:
    """POST with a key of its own, the given one, or (None) without."""
    headers = {} if key is None else {"Idempotency-Key": key or str(uuid4())}
    return client.post(path, body, headers=headers)


def wish(*sales: FlashSale, quantity: int = 1, **more: object) -> dict[str, object]:
    return {"lines": [{"sale": str(sale.public_id), "quantity": quantity} for sale in sales], **more}


def refusal(answer: Any) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json", answer.content
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["detail"]
    return answer.status_code, body["code"]
