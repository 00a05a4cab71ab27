"""Ids are drawn once, whichever process draws them."""

import os
import time

from coupon_site.identifiers import DRAWN_AT_ONCE, uuid7

MANY = 2 * DRAWN_AT_ONCE + 1


def test_many__differ_and_are_of_version_7() -> None:
    before = time.time_ns() // 1_000_000
    ids = [uuid7() for _ in range(MANY)]
    after = time.time_ns() // 1_000_000

    assert len(set(ids)) == MANY
    assert {(each.version, each.variant) for each in ids} == {(7, "specified in RFC 4122")}
    assert all(before <= each.int >> 80 <= after for each in ids)


def test_child_of_a_fork__draws_its_own() -> None:
    uuid7()  # more than one is drawn at a time
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, uuid7().bytes)
        os._exit(0)
    os.waitpid(child, 0)
    drawn = os.read(reading, 16)
    for end in (reading, writing):
        os.close(end)

    assert drawn[6:] not in {uuid7().bytes[6:] for _ in range(MANY)}
