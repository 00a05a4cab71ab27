"""How a job's file is read: proposed by the file, corrected by people, kept as a profile of its network."""

from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError

from cashback.errors import BadMapping, UnreadableFile
from cashback.models import MAPPING_FIELDS, ImportJob, MappingProfile, Network
from cashback.parsing import (
    Dialect,
    NoText,
    Proposal,
    UnreadableHeader,
    dialect_from,
    first_bytes,
    read_header,
    refuse_other_things,
    sniff,
)
from cashback.services.imports.files import SourceFile

LONGEST_NAME = 80


def dialect_of(job: ImportJob) -> Dialect:
    """How the job's file is read, as it was settled when it began."""
    assert job.mapping is not None  # noqa: S101  a job without one does not run
    return dialect_from(job.mapping)


def propose(*, file: SourceFile, network: Network | None = None) -> Proposal:
    """What the file says about itself, and the profiles about files like it. Raises UnreadableFile."""
    profiles = MappingProfile.objects.order_by("pk")
    profiles = profiles.filter(network=network) if network else profiles
    templates = [{**profile.mapping, "profile": profile.pk} for profile in profiles]
    try:
        return sniff(lambda: file.chunks(0), templates=templates, is_one_network=network is not None)
    except NoText as error:
        raise UnreadableFile(str(error)) from error


def require_text(file: SourceFile) -> None:
    """Raises UnreadableFile at once for what is no text, whoever's it may be."""
    try:
        refuse_other_things(first_bytes(file.chunks(0)))
    except NoText as error:
        raise UnreadableFile(str(error)) from error


def network_of(file: SourceFile) -> Network:
    """The network that a profile with the file's columns belongs to. Raises UnreadableFile."""
    proposal = propose(file=file)
    if proposal.template is None:
        header = ", ".join(proposal.header[:12]) or "none"
        raise UnreadableFile(f"no network's profile has its columns ({header:.300}): say which network it is from")
    return Network.objects.get(profiles=proposal.template["profile"])


def corrected(job: ImportJob, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The job's mapping with what somebody decided. Raises BadMapping."""
    if unknown := sorted(changes.keys() - set(MAPPING_FIELDS)):
        raise BadMapping(f"There is no {', '.join(unknown)}.", errors={name: ["Unknown."] for name in unknown})
    mapping = {**(job.mapping or {}), **changes}
    check(mapping)
    return mapping


def check(mapping: Mapping[str, Any]) -> None:
    """Raises BadMapping that tells what is wrong with which field."""
    try:
        MappingProfile(name="checked", **mapping).full_clean(exclude=["network", "name", "public_id"])
    except ValidationError as error:
        errors = error.message_dict
        raise BadMapping("; ".join(f"{name}: {text}" for name, [text, *_] in errors.items()), errors=errors) from error


def check_header(mapping: Mapping[str, Any], file: SourceFile) -> None:
    """Raises BadMapping when the file lacks a column."""
    try:
        read_header(file.chunks(0), dialect_from(mapping))
    except UnreadableHeader as error:
        raise BadMapping(f"{error}".capitalize(), errors={"columns": [str(error)]}) from error


def keep_profile(job: ImportJob, mapping: Mapping[str, Any]) -> MappingProfile:
    """The network's profile that says the same, or a new one named after the file."""
    mine = MappingProfile.objects.filter(network=job.network)
    known = next((profile for profile in mine.order_by("pk") if profile.mapping == mapping), None)
    return known or MappingProfile.objects.create(network=job.network, name=free_name(job), **mapping)


def free_name(job: ImportJob) -> str:
    """A name that none of the network's profiles has."""
    taken = set(MappingProfile.objects.filter(network=job.network).values_list("name", flat=True))
    stem = f"Like {Path(job.filename).stem}"[: LONGEST_NAME - 8]
    return next(name for number in count(1) if (name := f"{stem} {number}" if number > 1 else stem) not in taken)
