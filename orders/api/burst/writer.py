"""One thread that settles what waits, batch by batch."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final

from django.db import connection, transaction
from django.utils import timezone

from accounts.models import User
from accounts.queries import users_of_tokens
from coupon_site.api.doors import Answer
from coupon_site.api.idempotency import Kept, Keyed, keep_answers, take_keys
from coupon_site.api.input import encode
from coupon_site.api.problems import CONTENT_TYPE as PROBLEM
from coupon_site.api.problems import problem_of, retry_header
from coupon_site.api.throttles import admit
from coupon_site.errors import DomainError
from orders.api.burst.wishes import Wish
from orders.api.orders import order_document
from orders.services import NewOrder, ReserveRequest, counted, place_in_turn, turns

logger = logging.getLogger(__name__)

LARGEST_BATCH: Final = 200


class Writer:
    """One thread that settles whatever waits: while it commits, the next batch gathers."""

    def __init__(self) -> None:
        self.waiting: SimpleQueue[Wish | None] = SimpleQueue()
        self.thread: Thread | None = None

    async def settle(self, wish: Wish) -> Answer | None:
        """The answer to a wish; None: the ordinary door has to see to it."""
        if self.thread is None:
            self.thread = Thread(target=self.run, name="burst-writer", daemon=True)
            self.thread.start()
        self.waiting.put(wish)
        return await wish.answer

    def stop(self) -> None:
        """Settle what waits, then end the thread."""
        if self.thread is not None:
            self.waiting.put(None)
            self.thread.join()

    def run(self) -> None:
        while (first := self.waiting.get()) is not None:
            batch = [first, *self.others()]
            answers: Sequence[Answer | None]
            try:
                connection.close_if_unusable_or_obsolete()
                answers = settle(batch)
            except Exception:  # the ordinary door says to each what is wrong
                logger.exception("a batch of %d orders failed", len(batch))
                answers = [None] * len(batch)
            first.answer.get_loop().call_soon_threadsafe(deliver, batch, answers)
        connection.close()

    def others(self) -> Iterator[Wish]:
        """Whatever else waits already."""
        for _ in range(LARGEST_BATCH - 1):
            try:
                wish = self.waiting.get_nowait()
            except Empty:
                return
            if wish is None:
                self.waiting.put(None)
                return
            yield wish


def deliver(batch: Iterable[Wish], answers: Iterable[Answer | None]) -> None:
    """In the loop's own thread. Clients that have left are not waited for."""
    for wish, answer in zip(batch, answers, strict=True):
        if not wish.answer.done():
            wish.answer.set_result(answer)


def settle(batch: Sequence[Wish]) -> list[Answer | None]:
    """Answers to a batch, in one transaction and a constant number of statements."""
    buyers = users_of_tokens({wish.token for wish in batch})
    admitted = admit([buyers[wish.token].id for wish in batch if wish.token in buyers])
    asked: dict[Keyed, Wish] = {}
    for wish in batch:
        buyer = buyers.get(wish.token)
        if buyer and buyer.id in admitted:
            asked.setdefault(Keyed(f"user:{buyer.public_id}", wish.key), wish)
    answers = turns(lambda first: answer_once(asked, buyers, first=first)) or {}
    return [answers.get(wish) for wish in batch]


def answer_once(asked: Mapping[Keyed, Wish], buyers: Mapping[str, User], *, first: bool) -> dict[Wish, Answer | None]:
    """Answers to those whose key nobody else has. Raises StockChanged."""
    taken, known = take_keys(asked)
    requests = {key: request_of(asked[key], buyers) for key in taken if key not in known}
    keys = {id(request): key for key, request in requests.items()}
    answers = {key: repeated(kept, asked[key]) for key, kept in known.items()}

    def keep(admitted: Iterable[ReserveRequest], outcomes: Iterable[NewOrder | DomainError]) -> None:
        made = {keys[id(request)]: outcome for request, outcome in zip(admitted, outcomes, strict=True)}
        orders = {key: answer_of(outcome) for key, outcome in made.items() if isinstance(outcome, NewOrder)}
        keep_answers({key: Kept(asked[key].fingerprint, 201, answer.body.decode()) for key, answer in orders.items()})
        answers.update(orders)

    outcomes = place_in_turn(requests=list(requests.values()), at=timezone.now(), first=first, also=keep)
    answers.update(
        {key: answer_of(outcome) for key, outcome in zip(requests, outcomes, strict=True) if key not in answers}
    )
    transaction.on_commit(lambda: counted(outcomes))
    return {asked[key]: answer for key, answer in answers.items()}


def request_of(wish: Wish, buyers: Mapping[str, User]) -> ReserveRequest:
    return ReserveRequest(buyer=buyers[wish.token], lines=wish.lines, payment_method=wish.payment_method)


JSON: Final = ((b"Content-Type", b"application/json"),)
REPLAYED: Final = (*JSON, (b"Idempotency-Replayed", b"true"))


def answer_of(outcome: NewOrder | DomainError) -> Answer:
    """The order, or why there is none."""
    if isinstance(outcome, NewOrder):
        return Answer(201, encode(order_document(outcome, outcome.fresh_lines)), JSON)
    extra = retry_header(outcome.context.get("retry_after"))
    headers = {"Content-Type": PROBLEM, **extra}
    return Answer(
        outcome.status,
        encode(problem_of(outcome)),
        tuple((name.encode(), value.encode()) for name, value in headers.items()),
    )


def repeated(kept: Kept, wish: Wish) -> Answer | None:
    """The stored answer; another request under the same key is the ordinary door's to refuse."""
    return Answer(kept.status, kept.response.encode(), REPLAYED) if kept.fingerprint == wish.fingerprint else None
