"""Refusals: what a service says when the answer is no."""

from typing import ClassVar


class DomainError(Exception):
    """A refusal that every door can show: HTTP `status`, stable `code`, human `title`, and a `detail` for this case."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "refused"
    title: ClassVar[str] = "The request was refused"

    def __init__(self, detail: str = "", **context: object) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.context = context


class IllegalTransition(DomainError):
    code = "illegal_transition"
    title = "This is not possible in the present state"
