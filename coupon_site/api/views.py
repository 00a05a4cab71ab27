"""Pieces of viewsets."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rest_framework.viewsets import GenericViewSet

    _View = GenericViewSet[Any]
else:
    _View = object


class PublicIdLookup(_View):
    """Rows are addressed by public id; anything that is no UUID is no address (404)."""

    lookup_field = "public_id"
    lookup_url_kwarg = "id"
    lookup_value_regex = "[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
