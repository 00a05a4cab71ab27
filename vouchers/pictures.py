"""A voucher's code as a QR picture."""

import io
from typing import Literal

import segno

PictureFormat = Literal["svg", "png"]
# Scanners at tills read printed and cracked screens: a quarter of the picture may be missing.
ERROR_CORRECTION = "q"
SCALE = 8
QUIET_ZONE = 4


def qr_picture(code: str, format_: PictureFormat) -> bytes:
    """The file's bytes: dark on light whatever surrounds it, since few scanners read the inverse."""
    buffer = io.BytesIO()
    qr = segno.make_qr(code, error=ERROR_CORRECTION)
    qr.save(buffer, kind=format_, scale=SCALE, border=QUIET_ZONE, dark="#000000", light="#ffffff")
    return buffer.getvalue()


def qr_inline(code: str) -> str:
    """SVG to be put into a page, as wide as its box."""
    qr = segno.make_qr(code, error=ERROR_CORRECTION)
    return qr.svg_inline(border=QUIET_ZONE, dark="#000000", light="#ffffff", omitsize=True)
