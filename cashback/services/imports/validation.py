"""Before an import begins: what the file is, what it would bring, and somebody's word that it may."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.models import User
from cashback.errors import MappingIncomplete, UnreadableFile
from cashback.models import ImportJob, ImportState, MappingProfile
from cashback.parsing import Proposal
from cashback.services.imports.files import SourceFile
from cashback.services.imports.mappings import check, check_header, corrected, keep_profile, propose
from cashback.services.imports.previews import preview_of
from cashback.services.imports.running import fail
from coupon_site.errors import IllegalTransition
from coupon_site.transitions import move


def validate_import(*, job: ImportJob, file: SourceFile, profile: MappingProfile | None = None) -> ImportJob:
    """Find out how the file is written, unless a profile says so, and preview it. Raises UnreadableFile."""
    if job.state == ImportState.UPLOADED:
        move(job, ImportState.VALIDATING)
    try:
        proposal = propose(file=file, network=job.network)
    except UnreadableFile as error:
        fail(job, error.detail)
        raise
    with transaction.atomic():
        settle(job, file, mapping_by(profile, proposal), proposal)
        move(job, ImportState.PREVIEWED)
    return job


def prepare_import(*, job: ImportJob, file: SourceFile, profile: MappingProfile | None = None, at: datetime) -> None:
    """In one step what others do in two: nobody looks at the preview, but an open question stops it.

    Raises UnreadableFile, MappingIncomplete, BadMapping.
    """
    if job.state in (ImportState.UPLOADED, ImportState.VALIDATING):
        validate_import(job=job, file=file, profile=profile)
    if job.state == ImportState.PREVIEWED and not job.is_waiting:
        confirm_import(job=job, file=file, changes=profile.mapping if profile else {}, at=at)


def mapping_by(profile: MappingProfile | None, proposal: Proposal) -> dict[str, Any]:
    """A profile that was named is taken by its word: all questions are answered."""
    if profile is None:
        return proposal.mapping
    proposal.questions.clear()
    return profile.mapping


@transaction.atomic
def remap_import(*, job: ImportJob, file: SourceFile, changes: Mapping[str, Any]) -> ImportJob:
    """Preview it anew, read as somebody decided. Raises BadMapping, IllegalTransition once it is to begin."""
    require_previewed(job)
    mapping = corrected(job, changes)
    check_header(mapping, file)
    preview = {**(job.preview or {}), "questions": still_open(job, changes), **preview_of(job, mapping, file)}
    job.mapping, job.preview = mapping, preview
    job.save(update_fields=["mapping", "preview"])
    return job


@transaction.atomic
def confirm_import(*, job: ImportJob, file: SourceFile, changes: Mapping[str, Any], at: datetime) -> bool:
    """Settle the mapping, keep it as a profile, and let the import begin; whether that is news.

    Raises MappingIncomplete while a question is open, BadMapping, IllegalTransition.
    """
    job.refresh_from_db(from_queryset=ImportJob.objects.select_for_update(no_key=True, of=("self",)))
    if job.is_waiting and job.mapping is not None and not changes:
        return False
    if changes:
        remap_import(job=job, file=file, changes=changes)
    require_previewed(job)
    if questions := (job.preview or {}).get("questions", []):
        raise MappingIncomplete(" ".join(each["detail"] for each in questions), questions=questions)
    mapping = job.mapping or {}
    check(mapping)
    check_header(mapping, file)
    job.profile, job.confirmed_at = keep_profile(job, mapping), at
    job.save(update_fields=["profile", "confirmed_at"])
    return True


def require_previewed(job: ImportJob) -> None:
    """The mapping of an import that is to begin, or has begun, stays as it is."""
    if job.state != ImportState.PREVIEWED or job.is_waiting:
        raise IllegalTransition(f"import is {job.state}, its mapping is settled", state=job.state)


def settle(job: ImportJob, file: SourceFile, mapping: dict[str, Any], proposal: Proposal) -> None:
    job.mapping = mapping
    job.preview = {
        "header": proposal.header,
        "examples": proposal.examples,
        "confidence": proposal.confidence,
        "questions": [each.as_json() for each in proposal.questions],
        "warnings": [each.as_json() for each in proposal.warnings],
        **(preview_of(job, mapping, file) if not proposal.questions else {"lines": [], "totals": {}}),
    }
    job.save(update_fields=["mapping", "preview"])


def still_open(job: ImportJob, changes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The questions that nobody has answered: one about a field is answered by the field's value."""
    questions = (job.preview or {}).get("questions", [])
    return [each for each in questions if each["about"].partition(".")[0] not in changes]


def confirm_again(*, job: ImportJob, actor: User | None, at: datetime) -> bool:
    """A failed import may go on where it was; whether that is news. Raises IllegalTransition."""
    if job.state != ImportState.FAILED or job.mapping is None:
        raise IllegalTransition(f"import is {job.state}, it can't go on", state=job.state)
    return bool(ImportJob.objects.filter(pk=job.pk, confirmed_at=None).update(confirmed_at=at))
