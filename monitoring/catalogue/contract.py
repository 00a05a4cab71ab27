"""The names that the site has promised: whoever drops or renames one says so in the changelog."""

from pathlib import Path

from monitoring.catalogue.series import SERIES
from monitoring.catalogue.series.series import SITE

PROMISED = "deploy/prometheus/series.txt"


def own() -> set[str]:
    """Series of the site itself: other programs keep their own promises."""
    return {name for name, series in SERIES.items() if set(series.jobs) <= set(SITE)}


def files(root: Path) -> dict[str, str]:
    """Names are added, never taken away."""
    return {PROMISED: "".join(f"{name}\n" for name in sorted(promised(root) | own()))}


def promised(root: Path) -> set[str]:
    file = root / PROMISED
    return set(file.read_text().split()) if file.exists() else set()


def dropped(root: Path) -> set[str]:
    """Promised, but shown no longer."""
    return promised(root) - own()
