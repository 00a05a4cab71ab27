import os
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path
from socket import AF_UNIX, socket

import pytest

from tests.live import ROOT, START_SECONDS, wait_for

DAPHNE = Path(sys.executable).with_name("daphne")
BROKEN_FORM = b"its type names no boundary"


@pytest.mark.parametrize(("forms", "answer"), [("left", (200, BROKEN_FORM)), ("read", (400, b""))])
def test_form__is_the_sites_to_read(forms: str, answer: tuple[int, bytes], tmp_path: Path) -> None:
    """The control: by itself daphne refuses a broken one without a word."""
    address = tmp_path / "socket"
    command = [DAPHNE, "-u", address, "-v", "0", "coupon_site.tests.form_app:application"]
    with subprocess.Popen([str(word) for word in command], cwd=ROOT, env={**os.environ, "FORMS": forms}) as process:
        try:
            assert wait_for(lambda: post(str(address)), "daphne to listen", START_SECONDS) == answer
        finally:
            process.terminate()


def post(address: str) -> tuple[int, bytes] | None:
    """Status and body of the answer to a broken form; None while nobody listens."""
    connection = HTTPConnection("localhost")
    with socket(AF_UNIX) as connection.sock:
        connection.sock.settimeout(START_SECONDS)
        try:
            connection.sock.connect(address)
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        connection.request("POST", "/", BROKEN_FORM, {"Content-Type": "multipart/form-data"})
        answer = connection.getresponse()
        return answer.status, answer.read()
