"""`Idempotency-Key`: the answer is written in the transaction of its effect; neither exists without the other."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar, cast

import orjson
from django.db import connection, transaction
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from coupon_site.api.input import OrjsonRenderer
from coupon_site.database.prepared import pipelined, prepared_cursor
from coupon_site.errors import DomainError
from coupon_site.models import IdempotencyRecord

HEADER = "Idempotency-Key"
MAX_LENGTH = 200
KEY_PARAMETER = OpenApiParameter(
    HEADER, str, OpenApiParameter.HEADER, required=True, description="The same key gets the same answer"
)

P = ParamSpec("P")
V = TypeVar("V")
Creating = Callable[Concatenate[V, Request, P], HttpResponseBase]


class KeyRequired(DomainError):
    status = 400
    code = "idempotency_key_required"
    title = f"Send an {HEADER} header of 1 to {MAX_LENGTH} visible characters"


class KeyReused(DomainError):
    status = 422
    code = "idempotency_key_reused"
    title = f"This {HEADER} was used for another request"


class KeyInFlight(DomainError):
    status = 409
    code = "idempotency_key_in_flight"
    title = f"A request with this {HEADER} is being worked on"


def idempotent(
    method: Callable[Concatenate[V, Request, P], Response],
) -> "Creating[V, P]":
    """Run a creating view method once per principal and key: the same request gets the same answer, another body 422.

    The key's advisory lock ends with its transaction: a killed request leaves nothing behind. Refusals are not kept.
    """

    @wraps(method)
    def keyed(view: V, request: Request, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        key, principal, print_ = key_of(request), principal_of(request), fingerprint(request)
        with transaction.atomic():
            lock(principal, key)
            if record := IdempotencyRecord.objects.filter(principal=principal, key=key).first():
                return replay(record, print_)
            response = method(view, request, *args, **kwargs)
            if response.status_code < 300:
                body = OrjsonRenderer().render(response.data).decode()
                IdempotencyRecord.objects.create(
                    principal=principal, key=key, fingerprint=print_, status=response.status_code, response=body
                )
            return response

    return cast(Creating[V, P], extend_schema(parameters=[KEY_PARAMETER])(keyed))


class Keyed(NamedTuple):
    """A principal's key."""

    principal: str
    key: str


class Kept(NamedTuple):
    """The answer that was given to a key, and to what."""

    fingerprint: str
    status: int
    response: str


TAKE_KEYS = """
SELECT principal, key FROM json_to_recordset(%s) AS asked (principal text, key text)
WHERE pg_try_advisory_xact_lock(hashtextextended(principal || E'\\n' || key, 0))
"""
KNOWN_ANSWERS = """
SELECT principal, key, fingerprint, status, response FROM coupon_site_idempotencyrecord
JOIN json_to_recordset(%s) AS asked (principal text, key text) USING (principal, key)
"""
KEEP_ANSWERS = """
INSERT INTO coupon_site_idempotencyrecord (principal, key, fingerprint, status, response, created_at)
SELECT principal, key, fingerprint, status, response, now() FROM json_to_recordset(%s)
    AS kept (principal text, key text, fingerprint text, status smallint, response text)
"""


def take_keys(asked: Iterable[Keyed]) -> tuple[list[Keyed], dict[Keyed, Kept]]:
    """For a batch: lock those keys for this transaction that nobody else has.

    Which they are, and what was answered to some of them before.
    """
    keys = orjson.dumps([each._asdict() for each in asked]).decode()
    with pipelined():  # each statement sees what was committed before it: what is known is read under the locks
        taking, knowing = prepared_cursor(), prepared_cursor()
        taking.execute(TAKE_KEYS, [keys])
        knowing.execute(KNOWN_ANSWERS, [keys])
    taken = [Keyed(*row) for row in taking.fetchall()]
    known = {Keyed(*row[:2]): Kept(*row[2:]) for row in knowing.fetchall()}
    return taken, {key: known[key] for key in taken if key in known}


def keep_answers(answers: Mapping[Keyed, Kept]) -> None:
    """For a batch: remember what is answered to locked keys."""
    rows = [{**keyed._asdict(), **kept._asdict()} for keyed, kept in answers.items()]
    if rows:
        with prepared_cursor() as cursor:
            cursor.execute(KEEP_ANSWERS, [orjson.dumps(rows).decode()])


def key_of(request: Request) -> str:
    key = request.headers.get(HEADER, "")
    if not 1 <= len(key) <= MAX_LENGTH or not key.isascii() or not key.isprintable():
        raise KeyRequired
    return key


def principal_of(request: Request) -> str:
    return f"user:{request.user.public_id}"  # type: ignore[union-attr]  # views that create admit no anonymous users


def fingerprint(request: Request) -> str:
    """SHA-256 of method, path and body; of an upload, of its fields and files."""
    digest = hashlib.sha256(f"{request.method} {request.path}\n".encode())
    if not (request.content_type or "").startswith("multipart/"):
        digest.update(request._request.body)
        return digest.hexdigest()
    if not hasattr(request.data, "items"):
        raise ValidationError({"non_field_errors": ["An upload is a multipart form."]})
    for name, value in sorted(request.data.items()):
        digest.update(name.encode())
        for chunk in value.chunks() if hasattr(value, "chunks") else [str(value).encode()]:
            digest.update(chunk)
        if hasattr(value, "seek"):
            value.seek(0)
    return digest.hexdigest()


def lock(principal: str, key: str) -> None:
    """Take the key for this transaction, or say that another has it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [f"{principal}\n{key}"])
        taken: tuple[Any, ...] | None = cursor.fetchone()
    if not (taken and taken[0]):
        raise KeyInFlight(retry_after=1)


def replay(record: IdempotencyRecord, print_: str) -> HttpResponse:
    """The stored answer, marked as such."""
    if record.fingerprint != print_:
        raise KeyReused
    answer = HttpResponse(record.response, status=record.status, content_type="application/json")
    answer.headers["Idempotency-Replayed"] = "true"
    return answer
