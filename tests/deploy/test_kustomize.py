"""Our reading of kustomize beside that of kubectl 1.32: `kubectl kustomize overlay > kubectl-1.32.yaml`."""

from pathlib import Path

import pytest
import yaml

from tests.deploy.files import DEPLOY
from tests.deploy.kustomize import Resource, build, without_digests

EXAMPLE = Path(__file__).parent / "kustomize_example"
FOLDERS = sorted(path.parent for path in (DEPLOY / "k8s").rglob("kustomization.yaml"))


def by_identity(resources: list[Resource]) -> dict[tuple[str, str], Resource]:
    return {(resource["kind"], resource["metadata"]["name"]): resource for resource in resources}


def test_overlay__is_what_kubectl_makes_of_it() -> None:
    theirs = list(yaml.safe_load_all(without_digests((EXAMPLE / "kubectl-1.32.yaml").read_text())))

    assert by_identity(build(EXAMPLE / "overlay")) == by_identity(theirs)


def test_example__has_every_field_that_is_deployed() -> None:
    """Else it would prove nothing about one of them."""
    deployed = {field for folder in FOLDERS for field in fields(folder)}

    assert deployed - {field for folder in EXAMPLE.iterdir() if folder.is_dir() for field in fields(folder)} == set()


def fields(folder: Path) -> set[str]:
    """`resources`, `images.newTag`: what a kustomization says."""
    content = yaml.safe_load((folder / "kustomization.yaml").read_text())
    if content["kind"] == "Component":
        return set()
    inside = {
        f"{name}.{field}"
        for name, entries in content.items()
        if isinstance(entries, list)
        for entry in entries
        if isinstance(entry, dict)
        for field in entry
    }
    return {*content, *inside}


@pytest.mark.parametrize(
    ("kustomization", "refusal"),
    [({"namePrefix": "my-"}, "namePrefix"), ({"patches": [{"path": "patch.yaml"}]}, "by their names")],
)
def test_what_it_does_not_know__is_refused(tmp_path: Path, kustomization: dict, refusal: str) -> None:
    patch = yaml.safe_load((EXAMPLE / "base" / "web.yaml").read_text())
    files = {"web": patch, "patch": patch, "kustomization": kustomization | {"resources": ["web.yaml"]}}
    for name, content in files.items():
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(content))

    with pytest.raises(AssertionError, match=refusal):
        build(tmp_path)
