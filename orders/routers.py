"""Addresses of viewsets."""

from rest_framework.routers import SimpleRouter


class OptionalSlashRouter(SimpleRouter):
    """Every address works with and without its last slash: a POST can't be redirected to the other."""

    def __init__(self) -> None:
        super().__init__()
        self.trailing_slash = "/?"
