"""Whose purchases these are."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from secrets import token_hex

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db.models.functions import Lower

from accounts.models import User
from cashback.models import BuyerReference, ImportJob, Network
from cashback.services.imports.statements import fetch, run

UNKNOWN = """
SELECT DISTINCT conversion.buyer_ref FROM cashback_conversion conversion
WHERE conversion.id = ANY(%(touched)s) AND conversion.buyer_ref <> '' AND NOT EXISTS (
    SELECT 1 FROM cashback_buyerreference known
    WHERE known.network_id = %(network)s AND known.external_id = conversion.buyer_ref
)
"""

# Links to shops carry our user's public id as the sub-id that networks report back.
KNOWN_HERE = """
INSERT INTO cashback_buyerreference (network_id, external_id, user_id, created_at)
SELECT %(network)s, named.buyer_ref, known.id, now() FROM (
    SELECT DISTINCT conversion.buyer_ref FROM cashback_conversion conversion
    WHERE conversion.id = ANY(%(touched)s) AND conversion.buyer_ref ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
) AS named JOIN accounts_user known ON known.public_id = named.buyer_ref::uuid
ON CONFLICT (network_id, external_id) DO NOTHING
"""

ASSIGN = """
UPDATE cashback_conversion conversion SET buyer_id = (
    SELECT user_id FROM cashback_buyerreference known
    WHERE known.network_id = %(network)s AND known.external_id = conversion.buyer_ref
) WHERE conversion.id = ANY(%(touched)s)
"""


def assign_buyers(job: ImportJob, *, touched: Sequence[int], at: datetime) -> None:
    """Name the users of conversions; make those that are unknown, where the mapping says so."""
    values = {"touched": list(touched), "network": job.network_id}
    run(KNOWN_HERE, values)
    if job.mapping and job.mapping["creates_buyers"] and (unknown := [ref for (ref,) in fetch(UNKNOWN, values)]):
        make_buyers(job.network, sorted(unknown), at=at)
    run(ASSIGN, values)


def make_buyers(network: Network, references: Sequence[str], *, at: datetime) -> None:
    """Users that nobody can sign in as, until somebody claims them, and the network's names for them."""
    drafts = {address_of(network, ref): ref for ref in references}
    User.objects.bulk_create(
        (
            User(
                email=address,
                name=f"{network.name} customer {ref}"[:120],
                password=f"{UNUSABLE_PASSWORD_PREFIX}{token_hex(20)}",
                created_at=at,
            )
            for address, ref in drafts.items()
        ),
        ignore_conflicts=True,
    )
    users = User.objects.annotate(address=Lower("email")).filter(address__in=list(drafts))
    BuyerReference.objects.bulk_create(
        (BuyerReference(network=network, external_id=drafts[user.email], user=user) for user in users),
        ignore_conflicts=True,
    )


def address_of(network: Network, reference: str) -> str:
    """An address without mail, the same for the same customer. Customers' numbers may hold anything, hashes not."""
    digest = blake2b(reference.encode(), digest_size=10).hexdigest()
    return f"customer-{digest}@{network.slug.lower()}.invalid"
