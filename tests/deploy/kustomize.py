"""As much of kustomize as deploy/k8s uses; Debian's kubectl is too old. Names carry no digest of their content."""

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.deploy.files import LOADER, read_yaml

Resource = dict[str, Any]
CLUSTER_WIDE = {"ClusterRole", "ClusterRoleBinding", "Namespace"}


def build(folder: Path) -> list[Resource]:
    """The resources of a kustomization."""
    content = read_yaml(folder / "kustomization.yaml")
    unknown = content.keys() - {
        "apiVersion",
        "kind",
        "resources",
        "labels",
        "namespace",
        "images",
        "replicas",
        "patches",
        "configMapGenerator",
    }
    assert not unknown, f"{folder} uses {unknown}"
    found = [resource for path in content.get("resources", []) for resource in read(folder / path)]
    for generated in content.get("configMapGenerator", []):
        generate(found, folder, generated)
    for patch in content.get("patches", []):
        apply(found, read_yaml(folder / patch["path"]), patch.get("target"))
    for resource in found:
        transform(resource, content)
    return found


def read(path: Path) -> Iterator[Resource]:
    if path.is_dir():
        yield from build(path)
    else:
        yield from (document for document in yaml.load_all(path.read_text(), Loader=LOADER) if document)


def generate(found: list[Resource], folder: Path, generated: dict[str, Any]) -> None:
    """A config map out of files and of lines NAME=value."""
    data = {Path(file).name: (folder / file).read_text() for file in generated.get("files", [])}
    for file in generated.get("envs", []):
        lines = (folder / file).read_text().splitlines()
        data |= dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    if generated.get("behavior") == "merge":
        (known,) = named(found, "ConfigMap", generated["name"])
        known["data"] |= data
    else:
        found.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": generated["name"]}, "data": data})


def apply(found: list[Resource], patch: Resource, target: dict[str, str] | None) -> None:
    """A patch of mappings, to the resource of its name or to every one of the target's kind."""
    wanted = (
        [resource for resource in found if resource["kind"] == target["kind"]]
        if target
        else named(found, patch["kind"], patch["metadata"]["name"])
    )
    assert wanted, patch
    for resource in wanted:
        merge(resource, {key: value for key, value in patch.items() if key not in {"apiVersion", "kind", "metadata"}})


def merge(below: dict[str, Any], above: dict[str, Any]) -> None:
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(key), dict):
            merge(below[key], value)
        else:
            of_mappings = isinstance(value, list) and any(isinstance(item, dict) for item in value)
            assert not of_mappings, f"{key}: kubectl merges items of a list by their names"
            below[key] = copy.deepcopy(value)


def transform(resource: Resource, content: dict[str, Any]) -> None:
    """Namespace, labels, images and replicas."""
    for labels in content.get("labels", []):
        resource["metadata"]["labels"] = {**resource["metadata"].get("labels", {}), **labels["pairs"]}
    if (namespace := content.get("namespace")) and resource["kind"] not in CLUSTER_WIDE:
        resource["metadata"]["namespace"] = namespace
    for subject in resource.get("subjects", []):
        subject["namespace"] = content.get("namespace", subject.get("namespace"))
    for replicas in content.get("replicas", []):
        if resource["kind"] in {"Deployment", "StatefulSet"} and resource["metadata"]["name"] == replicas["name"]:
            resource["spec"]["replicas"] = replicas["count"]
    for container in containers(resource):
        for image in content.get("images", []):
            name, _, tag = container["image"].partition(":")
            if name == image["name"]:
                container["image"] = f"{image.get('newName', name)}:{image.get('newTag', tag)}"


def named(found: list[Resource], kind: str, name: str) -> list[Resource]:
    return [resource for resource in found if (resource["kind"], resource["metadata"]["name"]) == (kind, name)]


def pod_of(resource: Resource) -> dict[str, Any]:
    """The pod that a workload starts; empty for anything else."""
    template: dict[str, Any] = resource.get("spec", {}).get("template", {})
    return template.get("spec", {}) if isinstance(template, dict) else {}


def containers(resource: Resource) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pod_of(resource).get("containers", [])
    return found


# The letters that kustomize writes digests with.
DIGEST = "[2456789bcdfghkmt]{10}"


def without_digests(text: str) -> str:
    """Names of generated config maps as they are written."""
    names = set(re.findall(rf"^  name: ([a-z0-9.-]+)-{DIGEST}$", text, re.MULTILINE))
    for name in sorted(names, key=len, reverse=True):
        text = re.sub(rf"(?<![\w-]){re.escape(name)}-{DIGEST}\b", name, text)
    return text
