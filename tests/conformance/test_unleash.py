"""Flags that come from Unleash answer as Unleash says that they must."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from django.db import transaction

from flags.choices import FlagType
from flags.document import Document, state_of
from flags.queries import read_document
from flags.services import import_definitions
from flags.snapshot import Snapshot, snapshot_of
from flags.unleash import definitions_of
from tests.conformance.specification import VERSION, specification

FILES, CASES = 22, 279
PAYLOADS = {FlagType.STRING: "string", FlagType.NUMBER: "number", FlagType.OBJECT: "json"}


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    return specification(tmp_path_factory.mktemp("npm"))


def test_specification__passes_as_imported(files: dict[str, dict[str, Any]], record_property: Any) -> None:
    failed = [failure for file in files.values() for failure in failures(file, imported(file["state"]))]

    cases = sum(len(cases_of(file)) for file in files.values())
    record_property("summary", f"Unleash's client specification {VERSION}: {cases - len(failed)}/{cases} cases hold")
    assert failed == []
    assert (len(files), cases) == (FILES, CASES)


@pytest.mark.django_db
def test_specification__passes_as_written_and_read_again(
    files: dict[str, dict[str, Any]], record_property: Any
) -> None:
    failed = [failure for file in files.values() for failure in failures(file, written(file["state"]))]

    record_property(
        "summary", f"Unleash's client specification {VERSION}, written and read again: {CASES - len(failed)}/{CASES}"
    )
    assert failed == []


def imported(state: Mapping[str, Any]) -> Snapshot:
    flags, segments, _ = definitions_of(state)
    return Snapshot(1, {each.key: state_of(each) for each in flags}, {each.key: each.constraints for each in segments})


def written(state: Mapping[str, Any]) -> Snapshot:
    """As every process hears of it after `manage.py flags import --from unleash`; forgotten afterwards."""
    flags, segments, _ = definitions_of(state)
    with transaction.atomic():
        import_definitions(definitions=flags, segments=segments, actor=None)
        snapshot = snapshot_of(Document.decode(read_document().encode()))
        transaction.set_rollback(True)
    return snapshot


def failures(file: Mapping[str, Any], snapshot: Snapshot) -> Iterator[str]:
    for case in cases_of(file):
        said = answer(snapshot, case)
        if said != case["expectedResult"]:
            yield f"{file['name']}: {case['description']}: {said}"


def cases_of(file: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [*file.get("tests", ()), *file.get("variantTests", ())]


def answer(snapshot: Snapshot, case: Mapping[str, Any]) -> Any:
    """In the specification's words."""
    context = {**case["context"], **(case["context"].get("properties") or {})}
    flag = snapshot.flag(case["toggleName"])
    answer = flag.answer(context) if flag else None
    on = answer is not None and answer.on
    if isinstance(case["expectedResult"], bool):
        return on
    if flag is None or answer is None or not on or flag.state.type == FlagType.BOOLEAN:
        return {"name": "disabled", "enabled": False, "feature_enabled": on}
    payload = {"type": PAYLOADS[flag.state.type], "value": str(answer.value)}
    return {"name": answer.variant, "payload": payload, "enabled": True, "feature_enabled": True}
