"""Lists whose rows events tell of: load one, then follow from where it was read, and nothing is missed in between."""

from typing import Any, ClassVar, Final

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from events import queries

HEADER: Final = "Stream-Position"
POSITION = OpenApiParameter(
    HEADER,
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    response=[200],
    description="Where the events of these rows stood before they were read: `<channel>=<epoch>:<id>`, "
    "good as a `Last-Event-ID`, and in its parts for `subscribe`.",
)


class FollowedList(ListModelMixin):
    """Says where its channel stood before the rows were read: later events may repeat a row, none is lost."""

    stream_channel: ClassVar[str]

    @extend_schema(parameters=[POSITION])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        position = queries.position_of(self.stream_channel)
        response = super().list(request, *args, **kwargs)
        response.headers[HEADER] = f"{self.stream_channel}={position.epoch}:{position.seq}"
        return response
