"""Which build runs since when."""

from datetime import datetime

from django.db import connection, transaction

from events import publish
from monitoring.events import Deployed
from monitoring.models import Deployment


@transaction.atomic
def record_deployment(*, version: str, commit: str, at: datetime) -> Deployment | None:
    """Keep and announce the build when it is another than the last one; going back to an older one counts, too."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('monitoring deployments', 0))")
    last = Deployment.objects.order_by("-id").first()
    if last and (last.version, last.commit) == (version, commit):
        return None
    deployment = Deployment.objects.create(version=version, commit=commit, seen_at=at)
    publish(
        Deployed(
            deployment=deployment.public_id,
            version=version,
            commit=commit,
            previous_version=last.version if last else "",
        )
    )
    return deployment
