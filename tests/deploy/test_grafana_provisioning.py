from tests.deploy.files import DEPLOY, ROOT, networks_of, read_yaml, services

PROVISIONING = DEPLOY / "grafana" / "provisioning"


def mounts() -> dict[str, str]:
    """Folder in the container → folder here."""
    volumes = [volume.split(":") for volume in services()["grafana"]["volumes"]]
    return {parts[1]: parts[0] for parts in volumes}


def test_datasource__is_the_prometheus_of_compose() -> None:
    (source,) = read_yaml(PROVISIONING / "datasources" / "prometheus.yml")["datasources"]

    assert (source["type"], source["url"], source["isDefault"]) == ("prometheus", "http://prometheus:9090", True)
    assert source["uid"] == "prometheus"
    assert networks_of(services()["grafana"]) & networks_of(services()["prometheus"])


def test_datasource__knows_the_scrape_interval() -> None:
    """Grafana derives its rate windows from it."""
    (source,) = read_yaml(PROVISIONING / "datasources" / "prometheus.yml")["datasources"]

    assert (
        source["jsonData"]["timeInterval"]
        == read_yaml(DEPLOY / "prometheus" / "prometheus.yml")["global"]["scrape_interval"]
    )


def test_provisioning__is_mounted_where_grafana_looks() -> None:
    for kind in ("datasources", "dashboards"):
        assert ROOT / mounts()[f"/etc/grafana/provisioning/{kind}"] == PROVISIONING / kind


def test_dashboards__come_from_files_alone() -> None:
    (provider,) = read_yaml(PROVISIONING / "dashboards" / "shop.yml")["providers"]

    assert ROOT / mounts()[provider["options"]["path"]] == DEPLOY / "grafana" / "dashboards"
    assert provider["allowUiUpdates"] is False
    assert provider["disableDeletion"] is True
