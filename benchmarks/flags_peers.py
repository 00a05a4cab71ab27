"""What others need for one check of a flag; run by `benchmarks.flags` with a Python that has them, and nothing of ours.

The same hundred flags everywhere, every fourth a rollout of 50 % by user. The processor's time counts, so that a busy
machine changes little: what those who ask Redis wait for it comes on top.
"""

import json
import logging
import sys
import tempfile
import time
from collections.abc import Callable

FLAGS, REPEATS, SECONDS = 100, 7, 0.05
ON, HALF = "flag-7", "flag-8"
Section = Callable[[str, str], None]
SECTIONS: dict[str, Section] = {}


def time_check(check: Callable[[int], object]) -> float:
    """Nanoseconds of one call that is given a number, of another user each time: in the best of several runs."""
    count, took = 1, 0.0
    while took < SECONDS:
        count *= 2
        took = run(check, count)
    return min(run(check, count) for _ in range(REPEATS)) / count * 1e9


def run(check: Callable[[int], object], count: int) -> float:
    began = time.process_time()
    for number in range(count):
        check(number)
    return time.process_time() - began


def report(name: str, kind: str, check: Callable[[int], object]) -> None:
    sys.stdout.write(json.dumps({"name": name, "kind": kind, "ns": time_check(check)}) + "\n")
    sys.stdout.flush()


def section(function: Section) -> Section:
    SECTIONS[function.__name__] = function
    return function


# Who asks is known before the check.
SUBJECTS = [{"userId": str(number)} for number in range(1024)]


def subject(number: int) -> dict[str, str]:
    return SUBJECTS[number & 1023]


def is_half(number: int) -> bool:
    return number % 4 == 0


@section
def waffle(redis_url: str, database_url: str) -> None:
    import django
    from django.conf import settings
    from psycopg.conninfo import conninfo_to_dict

    database = conninfo_to_dict(database_url)
    settings.configure(
        SECRET_KEY="of a benchmark",  # noqa: S106
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "waffle"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": database["dbname"],
                "USER": database["user"],
                "HOST": database["host"],
            }
        },
        CACHES={"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": redis_url}},
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    )
    django.setup()
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.test import RequestFactory
    from waffle import flag_is_active, switch_is_active
    from waffle.models import Flag, Switch

    call_command("migrate", verbosity=0)
    call_command("flush", verbosity=0, interactive=False)  # another round was here before
    for number in range(FLAGS):
        shares = {"everyone": None, "percent": 50} if is_half(number) else {"everyone": True}
        Flag.objects.create(name=f"flag-{number}", **shares)
        Switch.objects.create(name=f"flag-{number}", active=True)
    request = RequestFactory().get("/")
    request.user = User(pk=1, username="somebody")  # type: ignore[assignment]  # its site has Django's own users
    report("django-waffle, switch on Redis", "on", lambda number: switch_is_active(ON))
    report("django-waffle, flag on Redis", "on", lambda number: flag_is_active(request, ON))
    report("django-waffle, flag on Redis", "half", lambda number: flag_is_active(request, HALF))


@section
def unleash(redis_url: str, database_url: str) -> None:
    from UnleashClient import UnleashClient
    from UnleashClient.cache import FileCache

    def strategy(number: int) -> dict[str, object]:
        if not is_half(number):
            return {"name": "default", "parameters": {}}
        parameters = {"rollout": "50", "stickiness": "default", "groupId": f"flag-{number}"}
        return {"name": "flexibleRollout", "parameters": parameters, "constraints": [], "segments": []}

    cache = FileCache("peer", directory=tempfile.mkdtemp())
    features = [
        {"name": f"flag-{number}", "enabled": True, "type": "release", "variants": [], "strategies": [strategy(number)]}
        for number in range(FLAGS)
    ]
    cache.bootstrap_from_dict({"version": 2, "features": features})
    client = UnleashClient(
        "http://127.0.0.1:9/api", "peer", cache=cache, disable_metrics=True, disable_registration=True
    )
    client.initialize_client(fetch_toggles=False)
    report("Unleash", "on", lambda number: client.is_enabled(ON))
    report("Unleash", "half", lambda number: client.is_enabled(HALF, subject(number)))
    client.destroy()


@section
def flagsmith(redis_url: str, database_url: str) -> None:
    from flagsmith import Flagsmith
    from flagsmith.offline_handlers import LocalFileHandler

    project = {
        "id": 1,
        "name": "p",
        "hide_disabled_flags": False,
        "segments": [],
        "organisation": {
            "id": 1,
            "name": "o",
            "feature_analytics": False,
            "stop_serving_flags": False,
            "persist_trait_data": False,
        },
    }
    states: list[dict[str, object]] = [
        {
            "enabled": True,
            "feature_state_value": None,
            "django_id": number,
            "feature": {"id": number, "name": f"flag-{number}", "type": "STANDARD"},
            "featurestate_uuid": f"00000000-0000-0000-0000-{number:012d}",
            "multivariate_feature_state_values": [],
            "feature_segment": None,
        }
        for number in range(FLAGS)
    ]
    document = {
        "api_key": "x",
        "name": "e",
        "updated_at": "2026-01-01T00:00:00Z",
        "id": 1,
        "identity_overrides": [],
        "project": project,
        "segment_overrides": [],
        "feature_states": states,
    }
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(document, file)
        file.flush()
        client = Flagsmith(offline_mode=True, offline_handler=LocalFileHandler(file.name))
    kept = client.get_environment_flags()
    report("Flagsmith, flags kept for long", "on", lambda number: kept.is_feature_enabled(ON))
    report(
        "Flagsmith, flags of each request", "on", lambda number: client.get_environment_flags().is_feature_enabled(ON)
    )
    report(
        "Flagsmith, flags of each user",
        "half",
        lambda number: client.get_identity_flags(str(number)).is_feature_enabled(HALF),
    )


@section
def openfeature(redis_url: str, database_url: str) -> None:
    from openfeature import api
    from openfeature.provider.in_memory_provider import InMemoryFlag, InMemoryProvider

    both = {"on": True, "off": False}
    api.set_provider(InMemoryProvider({f"flag-{number}": InMemoryFlag("on", both) for number in range(FLAGS)}))
    client = api.get_client()
    report("OpenFeature SDK, flags in memory", "on", lambda number: client.get_boolean_value(ON, False))  # noqa: FBT003  its own signature


@section
def hget(redis_url: str, database_url: str) -> None:
    import redis

    client = redis.Redis.from_url(redis_url)
    client.hset("feature:flags", mapping={f"flag-{number}": "1" for number in range(FLAGS)})
    report("HGET for each check", "on", lambda number: client.hget("feature:flags", ON) == b"1")


if __name__ == "__main__":
    logging.disable()
    SECTIONS[sys.argv[1]](*sys.argv[2:])
