"""Flags to and from files and other systems."""

import json
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from django.core.management.base import CommandError

from flags.definition import Definition, SegmentDefinition
from flags.management.verbs.verb import Verb
from flags.queries import definitions, segments
from flags.services import Imported, import_definitions
from flags.unleash import definitions_of
from flags.waffle import TablesMissing, Waffle

SOURCES = ("coupon-site", "unleash", "waffle")


class Load(NamedTuple):
    """What another system has, as ours."""

    flags: Sequence[Definition]
    segments: Sequence[SegmentDefinition] = ()
    warnings: Sequence[str] = ()


class File(msgspec.Struct, forbid_unknown_fields=True):
    """What `flags export` writes."""

    flags: list[Definition]
    segments: list[SegmentDefinition] = []


class Export(Verb):
    help = "all flags and segments as JSON, for `flags import`"

    def run(self, **options: Any) -> str:
        content = File([*definitions().values()], [*segments().values()])
        return msgspec.json.format(msgspec.json.encode(content), indent=2).decode()


class Import(Verb):
    help = "flags of an export, of Unleash, or of django-waffle's tables in this database"

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="not for waffle")
        parser.add_argument("--from", dest="source", choices=SOURCES, default=SOURCES[0])
        parser.add_argument("--overwrite", action="store_true", help="also flags and segments that exist")

    def run(self, *, file: Path | None, source: str, overwrite: bool, **options: Any) -> str:
        load = loaded(source, file)
        for warning in load.warnings:
            self.warn(warning)
        done = import_definitions(
            definitions=load.flags, segments=load.segments, actor=None, reason=f"from {source}", overwrite=overwrite
        )
        return self.tell(done)

    def tell(self, done: Imported) -> str:
        for title, keys in (
            ("made", done.made),
            ("changed", done.changed),
            ("there already, kept (--overwrite changes them)", done.kept),
            ("protected, kept (plan the change)", done.protected),
            ("segments", done.segments),
        ):
            if keys:
                self.say(f"{title}: {', '.join(keys)}")
        return f"{len(done.made)} made, {len(done.changed)} changed, {len(done.same)} were the same."


def loaded(source: str, file: Path | None) -> Load:
    """What the source has. Raises CommandError for a file that can't be read or is none of its kind."""
    if source == "waffle":
        return from_waffle()
    if file is None:
        raise CommandError("Name a file.")
    try:
        content = file.read_bytes()
        if source == "unleash":
            return Load(*definitions_of(json.loads(content)))
        read = msgspec.json.decode(content, type=File)
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        raise CommandError(f"{file} can't be read: {error}") from error
    return Load(read.flags, read.segments)


def from_waffle() -> Load:
    try:
        waffle = Waffle()
    except TablesMissing as error:
        raise CommandError(str(error)) from error
    return Load([*waffle.definitions()], warnings=waffle.warnings)
