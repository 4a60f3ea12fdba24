"""No batch crashes the projector or silently loses an event. `python -m tests.fuzz --inputs n` checks more."""

from collections import Counter
from random import Random

from hypothesis import given, note
from hypothesis import strategies as st

from tests.fuzz.batches import batch_of, check


@given(st.binary(max_size=60))
def test_no_batch_loses_an_event(data: bytes) -> None:
    note(f"repeat: .venv/bin/python -m tests.fuzz --bytes {data.hex()!r}")
    check(data)


def test_the_batches_have_every_outcome() -> None:
    """A change to the generated batches must not silently lose an outcome."""
    random = Random(1)  # noqa: S311 -- the same in every run, so that every run covers all outcomes
    outcomes = Counter(check(random.randbytes(60)) for _ in range(500))
    assert min(outcomes[kind] for kind in ("published", "parked", "redelivered", "refused")) > 0, outcomes


def test_a_batch_depends_on_its_bytes_alone() -> None:
    assert batch_of(b"abcdefgh") == batch_of(b"abcdefgh") != batch_of(b"hgfedcba")
