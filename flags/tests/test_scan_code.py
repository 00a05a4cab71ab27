from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from flags.models import CodeReference
from flags.scan import Reference, references
from flags.services import record_references

KEYS = ["checkout.new_flow", "dark", "orders"]


@pytest.fixture
def code(tmp_path: Path) -> Path:
    for name, text in {
        "shop/views.py": 'x = 1\nif is_enabled("checkout.new_flow"):\n    pass\n',
        "shop/templates/a.html": "{% flag 'dark' %}Night{% endflag %}\n{% block 'dark' %}\n",
        "web/app.ts": "const on = client.getBooleanValue(`checkout.new_flow`, false);\n",
        "shop/tests/test_views.py": 'override_flags({"checkout.new_flow": True})\n',
        "node_modules/x.js": 'isEnabled("checkout.new_flow")\n',
        ".git/x.py": 'is_enabled("checkout.new_flow")\n',
        "notes.md": '"checkout.new_flow"\n',
        "shop/urls.py": 'path("orders", view)\nis_enabled("checkout.new_flow2")\n',
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "binary.py").write_bytes(b"\xff\x00 'checkout.new_flow'")
    return tmp_path


def test_lines_that_name_flags__are_found_in_any_language(code: Path) -> None:
    found = {(each.key, each.path, each.line) for each in references(code, KEYS)}

    assert found == {
        ("checkout.new_flow", "shop/views.py", 2),
        ("checkout.new_flow", "web/app.ts", 1),
        ("checkout.new_flow", "binary.py", 1),
        ("dark", "shop/templates/a.html", 1),
    }


def test_own_code__names_its_own_flags() -> None:
    found = {each.path for each in references(settings.BASE_DIR / "orders", ["checkout.sales_open"])}

    assert found == {"switches.py"}


@pytest.mark.django_db
def test_scan__replaces_the_one_before(code: Path) -> None:
    record_references(references=references(code, KEYS), at=timezone.now())

    record_references(references=[Reference("dark", "a.py", 1, "x")], at=timezone.now())

    assert [str(each) for each in CodeReference.objects.all()] == ["a.py:1"]
