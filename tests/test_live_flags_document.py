"""What "flags in ten minutes" shows is done, in its order, on the running site."""

import ast
import os
import re
import subprocess
import textwrap
from itertools import groupby
from operator import itemgetter

import pytest

from tests.live import ROOT, LiveSite

pytestmark = [pytest.mark.xdist_group("live"), pytest.mark.slow]

DOCUMENT = (ROOT / "docs" / "flags.md").read_text()
EXPECTED = re.compile(r"# → (.*)$", re.MULTILINE)
SNIPPET = re.compile(r"^```(python|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ISSUE_TOKEN = """
from accounts.models import User
from accounts.services import issue_token
print(issue_token(user=User.objects.get(is_superuser=True), name="reader of the document")[1])
"""
DECLARE = """
from flags import declare
declare("checkout.one_page", description="The whole checkout on one page")
declare("checkout.banner", default="", description="A line above the basket")
"""
# The reader's own module, which every process of theirs imports.
SITE = "from coupon_site.settings import *\nINSTALLED_APPS = [*INSTALLED_APPS, 'ten_minutes']\n"
APP = """
from django.apps import AppConfig

class TenMinutes(AppConfig):
    name = "ten_minutes"

    def ready(self):
{declare}
"""


@pytest.fixture(scope="module")
def reader(live_site: LiveSite, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of somebody who follows the document."""
    folder = tmp_path_factory.mktemp("reader")
    app = folder / "ten_minutes"
    app.mkdir()
    (app / "__init__.py").touch()
    (app / "apps.py").write_text(APP.format(declare=textwrap.indent(DECLARE, " " * 8)))
    (folder / "reader_settings.py").write_text(SITE)
    return {
        **live_site.environment,
        "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}",
        "DJANGO_SETTINGS_MODULE": "reader_settings",
        "TOKEN": live_site.manage("shell", "--verbosity=0", "-c", ISSUE_TOKEN).stdout.split()[-1],
    }


def test_snippets_of_the_document__answer_what_it_says(live_site: LiveSite, reader: dict[str, str]) -> None:
    snippets = SNIPPET.findall(DOCUMENT.replace("http://127.0.0.1:8000", live_site.url))

    # Starting Python takes longer than any snippet: those of a kind that follow each other are done in one go.
    for kind, group in groupby(snippets, key=itemgetter(0)):
        text = "".join(snippet for _, snippet in group)
        said = (run_python if kind == "python" else run_shell)(text, reader)
        assert [expected for expected in EXPECTED.findall(text) if expected not in said] == [], said
    assert len(EXPECTED.findall(DOCUMENT)) > 15


def run_shell(text: str, environment: dict[str, str]) -> str:
    return run(["sh", "-eu", "-c", text], environment)


def run_python(text: str, environment: dict[str, str]) -> str:
    """As in a prompt: the value of every expression is shown."""
    tree = ast.parse(text)
    for parent in ast.walk(tree):
        for place, node in enumerate(getattr(parent, "body", []) if not isinstance(parent, ast.Lambda) else []):
            if isinstance(node, ast.Expr) and not is_declaration(node):
                shown = ast.Call(
                    ast.Name("print", ast.Load()), [ast.Call(ast.Name("repr", ast.Load()), [node.value], [])], []
                )
                parent.body[place] = ast.Expr(shown)
    return run(
        ["python", "manage.py", "shell", "--verbosity=0", "-c", ast.unparse(ast.fix_missing_locations(tree))],
        environment,
    )


def is_declaration(node: ast.Expr) -> bool:
    return isinstance(node.value, ast.Call) and ast.unparse(node.value.func) in {"declare", "api.set_provider"}


def run(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command[-1]}\n{done.stdout}{done.stderr}"
    return done.stdout
