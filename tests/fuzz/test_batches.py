"""No batch crashes the projector or loses an event silently. More of them: `python -m tests.fuzz --inputs n`."""

from collections import Counter
from random import Random

from hypothesis import given, note
from hypothesis import strategies as st

from tests.fuzz.batches import batch_of, check


@given(st.binary(max_size=60))
def test_whatever_a_batch_holds_nothing_of_it_is_lost(data: bytes) -> None:
    note(f"again: .venv/bin/python -m tests.fuzz --bytes {data.hex()!r}")
    check(data)


def test_the_batches_are_of_every_kind() -> None:
    """Lest the choices leave something out and nobody notices."""
    random = Random(1)  # noqa: S311 -- the same in every run, so that none may miss a kind
    became = Counter(check(random.randbytes(60)) for _ in range(500))
    assert min(became[kind] for kind in ("published", "parked", "again", "refused")) > 0, became


def test_a_batch_depends_on_its_bytes_alone() -> None:
    assert batch_of(b"abcdefgh") == batch_of(b"abcdefgh") != batch_of(b"hgfedcba")
