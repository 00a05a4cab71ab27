import orjson
import pytest

from flags.document import Document, DocumentBroken, FlagState

DOCUMENT = Document(3, {"shop.open": FlagState(True, "release", False, 2)})


def test_document__comes_back_as_it_went() -> None:
    assert Document.decode(DOCUMENT.encode()) == DOCUMENT


def test_digest__does_not_depend_on_the_order_of_flags() -> None:
    first, second = ("a.one", FlagState(True, "release", False, 1)), ("a.two", FlagState(False, "release", True, 1))

    assert Document(1, dict([first, second])).digest == Document(1, dict([second, first])).digest


def test_field_of_a_newer_release__is_passed_over() -> None:
    newer = Document(3, {"shop.open": FlagState(True, "release", False, 2)})
    newer.plain["shop.open"]["rules"] = [{"percent": 10}]

    assert Document.decode(newer.encode()) == DOCUMENT


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"nonsense",
        b"{}",
        b"[]",
        b"7",
        DOCUMENT.encode()[:-10],
        DOCUMENT.encode().replace(b"true", b"false", 1),
        DOCUMENT.encode().replace(b'"version":3', b'"version":4'),
        orjson.dumps({"version": 1, "digest": "", "flags": {"a": {}}}),
        orjson.dumps({"version": 1, "digest": "", "flags": ["a"]}),
    ],
)
def test_document_that_is_torn_or_foreign__is_refused(raw: bytes) -> None:
    with pytest.raises(DocumentBroken):
        Document.decode(raw)
