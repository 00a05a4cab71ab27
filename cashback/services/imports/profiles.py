"""Which profile reads a file."""

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from cashback.errors import UnreadableFile
from cashback.models import MappingProfile, Network, SignConvention
from cashback.parsing import Dialect, UnreadableHeader, read_header
from cashback.services.imports.files import SourceFile


def dialect_of(profile: MappingProfile) -> Dialect:
    """The profile as the parser takes it."""
    return Dialect(
        columns=profile.columns,
        delimiter=profile.delimiter,
        decimal_mark=profile.decimal_mark,
        date_format=profile.date_format,
        zone=ZoneInfo(profile.timezone),
        encoding=profile.encoding,
        currency=profile.currency,
        cancellation_prefix=profile.cancellation_prefix if profile.signs == SignConvention.PREFIX else "",
    )


def profile_for(*, file: SourceFile, network: Network | None = None) -> MappingProfile:
    """The first profile, of one network or of all, whose columns the file has. Raises UnreadableFile."""
    profiles = MappingProfile.objects.select_related("network").order_by("pk")
    complaints = []
    for profile in profiles.filter(network=network) if network else profiles:
        try:
            read_header(file.chunks(0), dialect_of(profile))
        except UnreadableHeader as error:
            complaints.append(f"{profile}: {error}")
        else:
            return profile
    raise UnreadableFile(summary(complaints))


def summary(complaints: Iterable[str]) -> str:
    return "; ".join(complaints) or "no profile says how to read it"
