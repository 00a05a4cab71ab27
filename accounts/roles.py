"""Roles are groups; each app grants them its permissions in a migration of its own."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db.migrations import RunPython

ROLES = ("operators", "finance", "flag-editors", "merchants")


def grant(app_label: str, permissions: Mapping[str, Iterable[str]]) -> RunPython:
    """A migration operation: `permissions` maps a role to code names of the app."""

    def forwards(apps: Any, schema_editor: Any) -> None:
        create_permissions(
            installed.get_app_config(app_label), verbosity=0, apps=apps, using=schema_editor.connection.alias
        )
        group, permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
        for role, codenames in permissions.items():
            wanted = permission.objects.filter(content_type__app_label=app_label, codename__in=list(codenames))
            group.objects.get(name=role).permissions.add(*wanted)

    return RunPython(forwards, RunPython.noop)
