"""Lines over time or size, as an SVG that any browser shows."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

WIDTH, HEIGHT, LEFT, TOP, RIGHT = 720, 320, 60, 40, 150
COLOURS = ("#059669", "#2563eb", "#d97706", "#dc2626", "#7c3aed", "#0891b2", "#4b5563", "#be185d")


class Curve(NamedTuple):
    """Points from left to right."""

    name: str
    points: Sequence[tuple[float, float]]


def draw(curves: Sequence[Curve], path: Path, *, title: str, marks: Sequence[tuple[float, str]] = ()) -> None:
    """All curves on one pair of axes from 0, with dashed marks at moments that have a name."""
    right = max(x for curve in curves for x, _ in curve.points) or 1
    top = max(y for curve in curves for _, y in curve.points) or 1

    def place(x: float, y: float) -> str:
        return f"{LEFT + WIDTH * x / right:.1f},{TOP + HEIGHT * (1 - y / top):.1f}"

    parts = [f'<text x="8" y="20" font-weight="bold">{escape(title)}</text>', axes(right, top)]
    parts += [
        f'<path d="M{place(at, 0)}L{place(at, top)}" stroke="#9ca3af" stroke-dasharray="3"><title>{escape(name)}'
        "</title></path>"
        for at, name in marks
    ]
    for number, curve in enumerate(curves):
        colour = COLOURS[number % len(COLOURS)]
        line = " ".join(place(x, y) for x, y in curve.points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        parts.append(f'<text x="{LEFT + WIDTH + 10}" y="{TOP + 18 * number + 10}" fill="{colour}">{curve.name}</text>')
    size = f"{LEFT + WIDTH + RIGHT} {TOP + HEIGHT + 30}"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" font-family="sans-serif" font-size="13">'
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{head}{''.join(parts)}</svg>\n")


def axes(right: float, top: float) -> str:
    bottom = TOP + HEIGHT
    return (
        f'<path d="M{LEFT},{TOP}V{bottom}H{LEFT + WIDTH}" fill="none" stroke="#4b5563"/>'
        f'<text x="8" y="{TOP + 10}">{top:,.4g}</text><text x="8" y="{bottom}">0</text>'
        f'<text x="{LEFT + WIDTH - 30}" y="{bottom + 20}">{right:,.4g}</text>'
    )
