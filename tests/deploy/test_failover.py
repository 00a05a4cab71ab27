"""The site as it is deployed: nginx, two web and two socket processes; then one of each is gone."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.deploy.front import Follower, Front, SocketFollower, Stream, front_of
from tests.live import LiveSite, wait_for

pytestmark = pytest.mark.xdist_group("live")


@pytest.fixture(scope="module")
def front(live_site: LiveSite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with front_of(live_site, tmp_path_factory.mktemp("front")) as front:
        yield front


def test_pages_and_api__are_answered_under_wsgi_over_http_2(front: Front) -> None:
    with front.client() as client:
        answers = {
            path: client.get(path) for path in ("/admin/login/", "/api/v1/offers/", "/static/admin/css/base.css")
        }

    for path, answer in answers.items():
        assert (answer.status_code, answer.http_version) == (200, "HTTP/2"), path
        assert front.kinds_that_served(path) == {"web"}


def test_figures_of_the_operation__stay_inside(front: Front) -> None:
    token = {"Authorization": f"Bearer {front.site.metrics_token}"}

    with front.client() as client:
        assert client.get("/metrics", headers=token).status_code == 404
        assert client.get("/monitoring/metrics", headers=token).status_code == 404


def test_visitor__is_known_to_both_kinds_of_process_by_the_real_address_and_scheme(front: Front) -> None:
    """What the API links to is what the visitor asked for."""
    with front.client() as client:
        page = client.get("/api/v1/sales/", params={"page_size": 1}, headers={"X-Forwarded-For": "203.0.113.9"}).json()

    assert page["next"] is None or page["next"].startswith(f"{front.url}/api/v1/sales/")


def test_order__is_taken_by_the_door_for_crowds(front: Front) -> None:
    with front.client() as client:
        order = front.buy(client)
        read = client.get(f"/api/v1/orders/{order}/")

    assert front.kinds_that_served("/api/v1/orders/") == {"sockets"}
    assert read.status_code == 200
    assert front.kinds_that_served(f"/api/v1/orders/{order}/") == {"web"}


def test_one_of_each_is_killed__clients_go_on_and_miss_nothing(front: Front) -> None:
    with ExitStack() as stack:
        followers: list[Follower] = [
            stack.enter_context(kind(front)) for kind in (SocketFollower, SocketFollower, Stream, Stream)
        ]
        wait_for(lambda: all(map(is_connected, followers)), "everybody to be connected")
        client, statuses = stack.enter_context(front.client()), Counter[int]()
        orders = [front.buy(client)]
        wait_for(lambda: all(knows(follower, orders) for follower in followers), "everybody to hear of the first order")

        with visiting(front, statuses):
            front.site.kill("web-1")
            front.site.kill("sockets-1")
            orders += [front.buy(client) for _ in range(5)]
            wait_for(lambda: all(knows(follower, orders) for follower in followers), f"all orders: {told(followers)}")
        wait_for(lambda: sum(follower.connections for follower in followers) > 4, "somebody to have come back")

    assert statuses.keys() == {200}
    assert all(set(follower.orders.values()) == {1} for follower in followers)
    wait_for(lambda: last_servers(front) == {"web-2", "sockets-2"}, "nginx to write down who is left")


def is_connected(follower: Follower) -> bool:
    assert not follower.problem, follower.problem
    return follower.has_place()


def knows(follower: Follower, orders: list[str]) -> bool:
    """Whether it was told that each was reserved, and paid."""
    assert not follower.problem, follower.problem
    return all(follower.orders[f"{order} {kind}"] for order in orders for kind in ("order.reserved", "order.paid"))


def last_servers(front: Front) -> set[str]:
    return {name for path in ("/api/v1/offers/", "/api/v1/orders/") for name in front.served_by(path)[-3:]}


def told(followers: list[Follower]) -> list[int]:
    return [len(follower.orders) for follower in followers]


class visiting:  # noqa: N801  reads as a sentence
    """Somebody who reads the offers all the while."""

    def __init__(self, front: Front, statuses: Counter[int]) -> None:
        self.front, self.statuses, self.stopped = front, statuses, threading.Event()
        self.thread = threading.Thread(target=self.read)

    def read(self) -> None:
        with self.front.client() as client:
            while not self.stopped.wait(0.02):
                self.statuses[client.get("/api/v1/offers/").status_code] += 1

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, *error: object) -> None:
        self.stopped.set()
        self.thread.join()
