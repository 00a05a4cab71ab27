import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.binaries import require_binary
from tests.deploy.files import DEPLOY, read_yaml, services, settings_variables
from tests.deploy.kustomize import Resource, build, containers, named, pod_of

K8S = DEPLOY / "k8s"
OVERLAYS = {name: build(K8S / "overlays" / name) for name in ("dev", "prod")}
PROD, DEV = OVERLAYS["prod"], OVERLAYS["dev"]
WORKLOADS = [r for r in PROD if pod_of(r)]
BY_ID = [pytest.param(r, id=r["metadata"]["name"]) for r in WORKLOADS]
# Each process of the site and the service of compose that is the same.
SITE = ("web", "sockets", "worker", "importer", "relay", "exporter", "migrate")
OLDEST, NEWEST = "1.25", "1.37"
OF_OPERATORS = {"PodMonitor"}


def only(kind: str, name: str, found: list[Resource] = PROD) -> Resource:
    (resource,) = named(found, kind, name)
    return resource


# --- Form ------------------------------------------------------------------------------------------------------------
@pytest.fixture(autouse=True, scope="module")
def schemas() -> Iterator[None]:
    """Each file of schemas is read once; they are megabytes."""
    read = kubernetes_validate.utils.schema_contents
    kubernetes_validate.utils.schema_contents = cache(read)
    yield
    kubernetes_validate.utils.schema_contents = read


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_resources__are_what_kubernetes_knows_and_nothing_else(overlay: str, version: str) -> None:
    for resource in OVERLAYS[overlay]:
        kubernetes_validate.validate(resource, version, strict=True)


def test_resource_with_a_word_that_kubernetes_does_not_know__is_refused() -> None:
    """The control."""
    wrong = yaml.safe_load(yaml.safe_dump(only("Deployment", "web")))
    wrong["spec"]["template"]["spec"]["containers"][0]["readOnly"] = True

    with pytest.raises(kubernetes_validate.ValidationError, match="readOnly"):
        kubernetes_validate.validate(wrong, NEWEST, strict=True)


def identity(resource: Resource) -> tuple[str, str]:
    return resource["kind"], resource["metadata"]["name"]


@pytest.mark.parametrize(
    "folder", [DEPLOY / "prometheus", DEPLOY / "alertmanager", DEPLOY / "grafana", DEPLOY / "exporters"]
)
def test_config_maps__hold_every_file_that_compose_mounts(folder: Path) -> None:
    """kustomize knows no patterns: a file that is not named is not there."""
    kinds = {
        "prometheus": "rules/*.yml",
        "alertmanager": "templates/*.tmpl",
        "grafana": "**/*.[jy]*",
        "exporters": "blackbox.yml",
    }
    there = {str(path.relative_to(folder)) for path in folder.glob(kinds[folder.name])} - {"kustomization.yaml"}
    listed = {
        file
        for each in read_yaml(folder / "kustomization.yaml")["configMapGenerator"]
        for file in each.get("files", [])
    }

    assert there <= listed
    assert all((folder / file).is_file() for file in listed)


def test_config_map__is_small_enough_to_be_applied() -> None:
    """kubectl writes each into an annotation of 256 KiB as well."""
    for resource in PROD:
        if resource["kind"] == "ConfigMap":
            assert len(yaml.safe_dump(resource)) < 250_000, resource["metadata"]["name"]


def test_pod_monitor__is_written_for_those_who_have_the_operator() -> None:
    (monitor,) = yaml.safe_load_all((K8S / "podmonitor" / "podmonitor.yaml").read_text())
    jobs = {
        rule["replacement"]
        for rule in monitor["spec"]["podMetricsEndpoints"][0]["relabelings"]
        if rule["targetLabel"] == "job"
    }

    assert monitor["kind"] in OF_OPERATORS
    assert jobs == {"app-web", "app-worker", "app-import", "app-realtime", "app-state", "nginx"}
    assert not any(resource["kind"] in OF_OPERATORS for resource in [*PROD, *DEV])


# --- What is referred to exists --------------------------------------------------------------------------------------
@pytest.mark.parametrize("found", OVERLAYS.values(), ids=OVERLAYS)
def test_what_pods_mount_and_read__exists_or_is_a_required_secret(found: list[Resource]) -> None:
    for resource in found:
        pod = pod_of(resource)
        for name in mentioned(pod, "configMap") | mentioned(pod, "configMapRef"):
            assert named(found, "ConfigMap", name), name
        for secret in mentioned(pod, "secretRef") | mentioned(pod, "secretKeyRef") | mentioned(pod, "secret"):
            assert secret in {"coupon-site", "alertmanager", "grafana"}
        for claim in mentioned(pod, "persistentVolumeClaim", key="claimName"):
            assert named(found, "PersistentVolumeClaim", claim)
        volumes = {volume["name"] for volume in pod.get("volumes", [])}
        volumes |= {claim["metadata"]["name"] for claim in resource.get("spec", {}).get("volumeClaimTemplates", [])}
        for container in pod.get("containers", []):
            assert {mount["name"] for mount in container.get("volumeMounts", [])} <= volumes


def mentioned(value: Any, kind: str, *, key: str = "name") -> set[str]:
    """Names of things of a kind below a value."""
    match value:
        case dict():
            here = value.get(kind)
            names = {here[key]} if isinstance(here, dict) and key in here else set()
            names |= {here["secretName"]} if isinstance(here, dict) and "secretName" in here else set()
            return names.union(*(mentioned(each, kind, key=key) for each in value.values()))
        case list():
            return set().union(*(mentioned(each, kind, key=key) for each in value))
    return set()


def test_no_secret__is_in_the_repository() -> None:
    assert not any(resource["kind"] == "Secret" for found in OVERLAYS.values() for resource in found)
    assert not any("secretGenerator" in path.read_text() for path in K8S.rglob("*.yaml"))


@pytest.mark.parametrize(
    "resource", [r for r in PROD if r["kind"] in {"HorizontalPodAutoscaler", "PodDisruptionBudget"}]
)
def test_scaler_and_budget__are_of_a_workload(resource: Resource) -> None:
    names = {workload["metadata"]["name"] for workload in WORKLOADS}

    assert resource["metadata"]["name"] in names
    if resource["kind"] == "HorizontalPodAutoscaler":
        assert resource["spec"]["scaleTargetRef"]["name"] == resource["metadata"]["name"]
        assert "replicas" not in only("Deployment", resource["metadata"]["name"])["spec"]  # they would undo each other
        assert resource["spec"]["minReplicas"] >= 2


@pytest.mark.parametrize("resource", [r for r in PROD if r["kind"] == "Service"])
def test_service__finds_pods_that_have_its_ports(resource: Resource) -> None:
    name = resource["spec"]["selector"]["app.kubernetes.io/name"]
    (workload,) = [w for w in WORKLOADS if w["metadata"]["name"] == name]
    offered = {port["name"]: port["containerPort"] for container in containers(workload) for port in container["ports"]}

    assert {port["targetPort"]: port["port"] for port in resource["spec"]["ports"]}.items() <= offered.items()


# --- Safety ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("workload", BY_ID)
def test_pod__has_no_rights_that_it_does_not_need(workload: Resource) -> None:
    pod = pod_of(workload)

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod.get("automountServiceAccountToken") is False or workload["metadata"]["name"] == "prometheus"
    for container in pod["containers"]:
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["readOnlyRootFilesystem"] is True
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert "memory" in container["resources"]["limits"]


@pytest.mark.parametrize(
    "workload", [w for w in WORKLOADS if w["metadata"]["name"] in SITE], ids=lambda w: w["metadata"]["name"]
)
def test_process_of_the_site__does_what_it_does_in_compose(workload: Resource) -> None:
    (container,) = containers(workload)
    ours = services()[workload["metadata"]["name"]]

    assert container["command"] == ours["command"]
    assert container["image"].startswith("registry.example.com/coupon-site:")
    assert {"configMapRef": {"name": "site"}} in container["envFrom"]
    port = ours["environment"].get("METRICS_PORT")
    assert [each["value"] for each in container.get("env", []) if each["name"] == "METRICS_PORT"] == (
        [port] if port else []
    )
    if workload["kind"] == "Deployment":
        assert int(ours["stop_grace_period"].removesuffix("s")) < pod_of(workload)["terminationGracePeriodSeconds"]


@pytest.mark.parametrize("name", SITE[:-1])
def test_process_of_the_site__is_probed_where_it_answers(name: str) -> None:
    (container,) = containers(only("Deployment", name))
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    probes = {kind: container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "readiness", "liveness")}

    assert {kind: probe["path"] for kind, probe in probes.items()} == {
        "startup": "/startupz",
        "readiness": "/readyz",
        "liveness": "/livez",
    }
    assert {ports[probe["port"]] for probe in probes.values()} == {int(services()[name]["healthcheck"]["test"][-1])}


@pytest.mark.parametrize("found", OVERLAYS.values(), ids=OVERLAYS)
def test_settings__are_known_and_their_secrets_are_files(found: list[Resource]) -> None:
    data = only("ConfigMap", "site", found)["data"]
    known = set(settings_variables()) | {"TMPDIR"}

    assert {name.removesuffix("_FILE") for name in data} <= known
    for name in (
        "SECRET_KEY",
        "DATABASE_URL",
        "REDIS_URL",
        "METRICS_TOKEN",
        "ALERTS_TOKEN",
        "SANDBOX_KEY",
        "SANDBOX_WEBHOOK_SECRET",
    ):
        assert data[f"{name}_FILE"] == f"/run/secrets/site/{name}"
        assert name not in data
    assert data["BEHIND_PROXY"] == "true"
    assert data["HTTPS"] == ("false" if found is DEV else "true")


# --- Who may speak with whom -----------------------------------------------------------------------------------------
def test_nothing__is_reached_unless_it_is_allowed() -> None:
    spec = only("NetworkPolicy", "nothing-by-itself")["spec"]

    assert spec == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def may_reach(pod: str, port: int) -> set[str]:
    """Names of the pods that policies let in on a port."""
    found: set[str] = set()
    for resource in PROD:
        if resource["kind"] == "NetworkPolicy" and selects(resource["spec"]["podSelector"], pod):
            for rule in resource["spec"].get("ingress", []):
                if port in {each["port"] for each in rule["ports"]}:
                    found |= {name for peer in rule["from"] for name in names_in(peer)}
    return found


def selects(selector: dict[str, Any], pod: str) -> bool:
    return any(pod in each["values"] for each in selector.get("matchExpressions", []))


def names_in(peer: dict[str, Any]) -> set[str]:
    if "namespaceSelector" in peer:
        return set(peer["namespaceSelector"]["matchLabels"].values())
    (expression,) = peer["podSelector"]["matchExpressions"]
    return set(expression["values"])


@pytest.mark.parametrize(
    ("pod", "port", "who"),
    [
        ("nginx", 8080, {"ingress-nginx", "blackbox-exporter"}),
        ("web", 8000, {"nginx", "worker", "importer", "alertmanager"}),
        ("sockets", 8000, {"nginx"}),
        ("web", 9101, {"prometheus"}),
        ("sockets", 9101, {"prometheus"}),
        ("worker", 8001, {"prometheus"}),
        ("exporter", 9501, {"prometheus"}),
        ("nginx", 9113, {"prometheus"}),
        ("prometheus", 9090, {"grafana"}),
        ("alertmanager", 9093, {"prometheus"}),
        ("alertmanager", 9094, {"alertmanager"}),
        ("nginx", 8081, set()),
    ],
)
def test_port__is_reached_by_these_alone(pod: str, port: int, who: set[str]) -> None:
    assert may_reach(pod, port) == who


@pytest.mark.parametrize("name", SITE)
def test_process_of_the_site__reaches_its_database_and_redis(name: str) -> None:
    ports = {
        each["port"]
        for resource in PROD
        if resource["kind"] == "NetworkPolicy" and selects(resource["spec"]["podSelector"], name)
        for rule in resource["spec"].get("egress", [])
        for each in rule["ports"]
        if "to" not in rule
    }

    assert ports >= {5432, 6379, 26379}
    assert (443 in ports) == (name in {"web", "worker"})  # providers and webhooks


# --- Front and monitoring --------------------------------------------------------------------------------------------
def test_ingress__has_tls_and_leads_to_nginx() -> None:
    spec = only("Ingress", "site")["spec"]
    (rule,) = spec["rules"]
    (path,) = rule["http"]["paths"]

    assert spec["tls"][0]["hosts"] == [rule["host"]]
    assert rule["host"] in only("ConfigMap", "site")["data"]["ALLOWED_HOSTS"].split(",")
    assert named(PROD, "Service", path["backend"]["service"]["name"])


def test_nginx__finds_both_kinds_of_process_by_their_services(tmp_path: Path) -> None:
    text = only("ConfigMap", "nginx-network")["data"]["network.conf"]
    for file in ("nginx.conf", "site.conf"):
        shutil.copy(DEPLOY / "nginx" / file, tmp_path)
    servers = re.findall(r"server (\w+):8000", text)
    (tmp_path / "network.conf").write_text(re.sub(r"server \w+:", "server 127.0.0.1:", text))
    top = (
        (tmp_path / "nginx.conf")
        .read_text()
        .replace(" /tmp/", f" {tmp_path}/")
        .replace("/dev/stdout", f"{tmp_path}/log")
    )
    (tmp_path / "nginx.conf").write_text(top)

    checked = subprocess.run(
        [require_binary("nginx"), "-t", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ},
    )

    assert checked.returncode == 0, checked.stderr
    assert {name for name in servers if named(PROD, "Service", name)} == {"backend", "sockets"}
    assert re.findall(r"upstream (\w+)", text) == re.findall(
        r"upstream (\w+)", (DEPLOY / "nginx/network.conf").read_text()
    )


def test_prometheus__has_the_jobs_of_compose_with_their_limits_and_labels(tmp_path: Path) -> None:
    ours = yaml.safe_load(only("ConfigMap", "prometheus")["data"]["prometheus.yml"])
    theirs = {job["job_name"]: job for job in read_yaml(DEPLOY / "prometheus" / "prometheus.yml")["scrape_configs"]}
    here = {job["job_name"]: job for job in ours["scrape_configs"]}

    assert here.keys() == theirs.keys() | {"cadvisor", "kube-state"}
    for name, job in theirs.items():
        for key in ("sample_limit", "scrape_interval", "label_value_length_limit", "metric_relabel_configs", "params"):
            assert here[name].get(key) == job.get(key), name
        assert service_label(here[name]) == service_label(job)
    # Debian's promtool knows no Kubernetes: everything else is its to judge.
    for job in here.values():
        job.pop("kubernetes_sd_configs", None)
        for section in ("authorization", "tls_config"):
            job.pop(section, None)
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(ours))
    checked = subprocess.run(
        [require_binary("promtool"), "check", "config", str(tmp_path / "prometheus.yml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr


def service_label(job: dict[str, Any]) -> list[str]:
    fixed = [group["labels"]["service"] for group in job.get("static_configs", []) if "labels" in group]
    return [*fixed, *(r["replacement"] for r in job.get("relabel_configs", []) if r.get("target_label") == "service")]


@pytest.mark.parametrize("name", ["prometheus", "alertmanager", "grafana"])
def test_monitoring__is_of_the_version_and_has_the_settings_of_compose(name: str) -> None:
    (workload,) = [w for w in WORKLOADS if w["metadata"]["name"] == name]
    (container,) = containers(workload)
    ours = services()[name]
    given = [re.sub(r"\$\{\w+:-(\w+)\}", r"\1", word) for word in ours.get("command", [])]

    assert container["image"] == ours["image"]
    assert set(given) <= set(container.get("args", []))
    assert workload["metadata"]["labels"] == {"component": "monitoring"}


def test_alertmanagers__are_two_that_know_each_other_and_prometheus_tells_both() -> None:
    workload = only("StatefulSet", "alertmanager")
    (container,) = containers(workload)
    peers = [word for word in container["args"] if word.startswith("--cluster.peer=")]

    assert workload["spec"]["replicas"] == len(peers) == 2
    assert only("Service", "alertmanager")["spec"]["clusterIP"] == "None"


def test_everything_of_the_monitoring__is_found_by_its_label() -> None:
    labelled = {identity(r) for r in PROD if r["metadata"].get("labels", {}).get("component") == "monitoring"}

    assert {("StatefulSet", "prometheus"), ("Service", "grafana"), ("ConfigMap", "prometheus-rules")} <= labelled
    assert not {("Deployment", "web"), ("Service", "backend")} & labelled


def test_grafana__has_every_dashboard_and_no_password_of_its_own() -> None:
    pod = pod_of(only("Deployment", "grafana"))
    (sources,) = [volume["projected"]["sources"] for volume in pod["volumes"] if "projected" in volume]
    shown = {source["configMap"]["name"] for source in sources}

    assert shown == {f"dashboard-{path.stem}" for path in (DEPLOY / "grafana" / "dashboards").glob("*.json")}
    assert "GF_SECURITY_ADMIN_PASSWORD" not in {each["name"] for each in pod["containers"][0]["env"]}
