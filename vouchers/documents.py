"""A voucher on paper: one page that a till can read."""

import io
import logging
import unicodedata
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import cast

import segno
from fpdf import FPDF
from fpdf.enums import Align, XPos, YPos
from fpdf.fonts import TTFFont

from coupon_site.money import format_money
from vouchers.models import Voucher
from vouchers.pictures import ERROR_CORRECTION

FONTS = Path(__file__).parent / "fonts"
FAMILY = "DejaVu"
INK, SOFT, LINE = (29, 27, 24), (106, 100, 91), (221, 214, 202)
LEFT, WIDTH, TOP, HEIGHT = 20.0, 170.0, 24.0, 116.0
QR_SIZE, QR_LEFT = 54.0, 128.0
TEXT_WIDTH = QR_LEFT - LEFT - 18
NO_GLYPH = "\N{WHITE SQUARE}"

logging.getLogger("fontTools").setLevel(logging.ERROR)  # it tells of every table that it leaves out


class Page(FPDF):
    """A4, in a font of our own that knows the letters of Europe's names."""

    def __init__(self) -> None:
        super().__init__(format="A4")
        self.set_auto_page_break(auto=False)
        self.add_font(FAMILY, "", FONTS / "DejaVuSans.ttf")
        self.add_font(FAMILY, "B", FONTS / "DejaVuSans-Bold.ttf")
        self.add_page()

    def close(self) -> None:
        """Let go of the fonts' files."""
        for font in self.fonts.values():
            cast(TTFFont, font).ttfont.close()

    def write_lines(
        self, text: str, *, size: float, bold: bool = False, colour: tuple[int, int, int] = INK, lines: int = 1
    ) -> None:
        """Text in the left column, broken into so many lines at most."""
        self.set_font(FAMILY, "B" if bold else "", size)
        self.set_text_color(*colour)
        height = size * 0.3528 * 1.35
        measured = self.multi_cell(TEXT_WIDTH, height, drawable(self, text), dry_run=True, output="LINES")
        wrapped = cast(list[str], measured)
        shown = [str(line) for line in wrapped[:lines]]
        if len(wrapped) > lines:
            shown[-1] = shown[-1].rstrip()[:-1] + "…"
        for line in shown:
            self.set_x(LEFT + 8)
            self.cell(TEXT_WIDTH, height, line, new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def voucher_document(voucher: Voucher) -> bytes:
    """The PDF's bytes."""
    with closing(Page()) as page:
        page.set_title(f"Voucher for {voucher.merchant.name}")
        page.set_creator("Coupon Site")
        page.set_draw_color(*LINE)
        page.rect(LEFT, TOP, WIDTH, HEIGHT, style="D", round_corners=True, corner_radius=5)
        write_offer(page, voucher)
        draw_code(page, voucher)
        write_terms(page, voucher)
        return bytes(page.output())


def write_offer(page: Page, voucher: Voucher) -> None:
    """The left side: whose, what, how much, until when."""
    page.set_y(TOP + 9)
    page.write_lines(voucher.merchant.name, size=13, bold=True, colour=SOFT, lines=2)
    page.write_lines(format_money(voucher.value_minor, voucher.currency), size=30, bold=True)
    page.write_lines(voucher.offer.title, size=14, lines=2)
    page.ln(4)
    page.write_lines("Valid until the end of", size=9, colour=SOFT)
    page.write_lines(day(voucher.last_date), size=12, bold=True)
    page.write_lines(f"{voucher.merchant.timezone.replace('_', ' ')} time", size=9, colour=SOFT)
    starts = voucher.valid_from.astimezone(voucher.merchant.zone).date()
    if starts > voucher.created_at.astimezone(voucher.merchant.zone).date():
        page.write_lines(f"Not before {day(starts)}", size=9, colour=SOFT)
    if voucher.uses_total > 1:
        page.write_lines(f"Good for {voucher.uses_total} uses, {voucher.uses_left} left", size=10, bold=True)


def draw_code(page: Page, voucher: Voucher) -> None:
    """The right side, behind the tear line: the picture for scanners, the letters for people."""
    page.set_dash_pattern(dash=1.5, gap=1.5)
    page.line(QR_LEFT - 6, TOP + 6, QR_LEFT - 6, TOP + HEIGHT - 6)
    page.set_dash_pattern()
    buffer = io.BytesIO()
    segno.make_qr(voucher.code, error=ERROR_CORRECTION).save(
        buffer, kind="svg", border=0, dark="#000000", omitsize=True
    )
    buffer.seek(0)
    page.image(buffer, x=QR_LEFT, y=TOP + 20, w=QR_SIZE, h=QR_SIZE, alt_text="The code as a picture")
    page.set_xy(QR_LEFT, TOP + 80)
    page.set_font(FAMILY, "B", 11.5)
    page.set_text_color(*INK)
    page.cell(QR_SIZE, 7, voucher.code_in_groups, align=Align.C)


def write_terms(page: Page, voucher: Voucher) -> None:
    """What the buyer and the till go by."""
    page.set_y(TOP + HEIGHT - 24)
    page.write_lines(
        "Show this at the till. Whoever has the code can use it, and every use counts once: "
        "a copy is worth nothing more. Voucher " + str(voucher.public_id),
        size=7.5,
        colour=SOFT,
        lines=4,
    )


def day(moment: date) -> str:
    return f"{moment:%A}, {moment.day} {moment:%B %Y}"


def drawable(page: FPDF, text: str) -> str:
    """The text in letters that the font has; of others their plain form, or a square."""
    known = cast(TTFFont, page.fonts[FAMILY.lower()]).cmap
    return "".join(
        each
        if ord(each) in known
        else "".join(c for c in unicodedata.normalize("NFKD", each) if ord(c) in known) or NO_GLYPH
        for each in text
    )
