"""Who is in a share: the same subject always, another for each salt. Equal to Unleash at whole percents."""

from mmh3 import hash as murmur3

POSITIONS = 100_000  # thousandths of a percent
VARIANT_SEED = 86028157  # Unleash's: who is in a share says nothing about the variant


def position(salt: str, subject: object) -> int:
    """Where a subject stands between 0 and 99,999; a share of p percent has all below p·1000."""
    number = murmur3(f"{salt}:{subject}", 0, False)  # noqa: FBT003  unsigned
    return number % 100 * 1000 + number // 100 % 1000


def spot(salt: str, subject: object, weights: int) -> int:
    """Where a subject stands between 0 and the sum of all weights."""
    return murmur3(f"{salt}:{subject}", VARIANT_SEED, False) % weights  # noqa: FBT003  unsigned
