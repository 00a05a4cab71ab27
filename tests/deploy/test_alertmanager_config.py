import subprocess
from pathlib import Path

from tests.binaries import require_binary
from tests.deploy.files import DEPLOY, read_yaml, services

FILE = DEPLOY / "alertmanager" / "alertmanager.yml"


def ask(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([require_binary("amtool"), *words], capture_output=True, text=True, check=False)


def test_configuration__amtool_accepts_it() -> None:
    checked = ask("check-config", str(FILE))

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_configuration_without_its_receiver__amtool_refuses_it(tmp_path: Path) -> None:
    """The control: amtool would say so."""
    broken = tmp_path / "alertmanager.yml"
    broken.write_text(FILE.read_text().replace("receiver: default", "receiver: nobody"))

    checked = ask("check-config", str(broken))

    assert checked.returncode == 1


def test_alert_without_a_route_of_its_own__reaches_the_default_receiver() -> None:
    routed = ask(
        "config", "routes", "test", f"--config.file={FILE}", "--verify.receivers=default", "alertname=Anything"
    )

    assert routed.returncode == 0, routed.stdout + routed.stderr


def test_slack_address__is_the_secret_that_compose_mounts() -> None:
    file = Path(read_yaml(FILE)["global"]["slack_api_url_file"])

    assert file.parent == Path("/run/secrets")
    assert file.name in services()["alertmanager"]["secrets"]
