import orjson
import pytest

from flags.document import Document, DocumentBroken, FlagState, digest_of

DOCUMENT = Document(3, {"shop.open": FlagState(enabled=True, version=2)})


def test_document__comes_back_as_it_went() -> None:
    assert Document.decode(DOCUMENT.encode()) == DOCUMENT


def test_digest__does_not_depend_on_the_order_of_flags() -> None:
    first, second = ("a.one", FlagState(enabled=True, version=1)), ("a.two", FlagState(client_visible=True, version=1))

    assert Document(1, dict([first, second])).digest == Document(1, dict([second, first])).digest


def test_field_of_a_newer_release__is_passed_over() -> None:
    plain = orjson.loads(DOCUMENT.content)
    plain["flags"]["shop.open"]["mood"] = "good"
    content = orjson.dumps(plain)

    newer = orjson.dumps({"digest": digest_of(content), "content": orjson.Fragment(content)})

    assert Document.decode(newer) == DOCUMENT


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
        orjson.dumps({"digest": "", "content": {"version": 1, "flags": {"a": {}}}}),
        orjson.dumps({"digest": "", "content": {"version": 1, "flags": ["a"]}}),
    ],
)
def test_document_that_is_torn_or_foreign__is_refused(raw: bytes) -> None:
    with pytest.raises(DocumentBroken):
        Document.decode(raw)
