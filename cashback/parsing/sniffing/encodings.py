"""In which encoding a file is written, and whether it is text at all."""

from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, getincrementaldecoder
from collections.abc import Iterable

# What people upload in place of the file in it, by its first bytes.
NO_TEXT = {
    b"PK\x03\x04": "a zip archive or a workbook: unpack it, or save it as CSV",
    b"PK\x05\x06": "an empty zip archive",
    b"\x1f\x8b": "compressed (gzip): unpack it",
    b"BZh": "compressed (bzip2): unpack it",
    b"7z\xbc\xaf": "a 7-Zip archive: unpack it",
    b"\xd0\xcf\x11\xe0": "an old workbook: save it as CSV",
    b"%PDF": "a PDF document",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
}
CONTROLS = bytes(code for code in range(32) if code not in b"\t\n\r\x0b\x0c\x1a")
MOST_CONTROLS = 100  # one of so many bytes may be one
UNDEFINED_IN_CP1252 = b"\x81\x8d\x8f\x90\x9d"
WIDE = {BOM_UTF16_LE: "utf-16-le", BOM_UTF16_BE: "utf-16-be"}


class NoText(ValueError):
    """The file is no text that could hold lines."""


def refuse_other_things(head: bytes) -> None:
    """Raises NoText that says what the file is instead."""
    if not head.strip(BOM_UTF8 + BOM_UTF16_LE + b"\r\n\t \x00"):
        raise NoText("the file is empty")
    for start, what in NO_TEXT.items():
        if head.startswith(start):
            raise NoText(f"it is {what}")
    if wide(head) is None and len(head) - len(head.translate(None, CONTROLS)) > len(head) / MOST_CONTROLS:
        raise NoText("it is no text")


def wide(head: bytes) -> str | None:
    """UTF-16 by its mark, or by the zeros that half of its bytes are in Western text."""
    if head[:2] in WIDE:
        return WIDE[head[:2]]
    half = len(head) // 2
    if half and head[1::2].count(0) > half * 0.7 and head[::2].count(0) < half * 0.1:
        return "utf-16-le"
    if half and head[::2].count(0) > half * 0.7 and head[1::2].count(0) < half * 0.1:
        return "utf-16-be"
    return None


def sniff_encoding(head: bytes, chunks: Iterable[bytes]) -> tuple[str, bool]:
    """The encoding, and whether all of the file can be read by it. Looks at every byte: the first é may be the last."""
    if found := wide(head):
        return found, True
    decoder, broken, seen_latin = getincrementaldecoder("utf-8")("replace"), 0, b""
    letters = 0
    for chunk in chunks:
        if chunk.isascii() and not decoder.getstate()[0]:
            continue
        text = decoder.decode(chunk)
        broken += text.count("\ufffd")
        letters += sum(not character.isascii() for character in text)
        seen_latin += bytes(byte for byte in UNDEFINED_IN_CP1252 if byte in chunk)
    if not broken:
        return "utf-8-sig", True
    if letters > 2 * broken:
        return "utf-8-sig", False
    return ("latin-1" if seen_latin else "cp1252"), True
