"""A Kinesis that fails as a test demands, in front of the emulator's."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from local_stack.faults.kinesis_proxy import Entries, Interference, KinesisProxy
from local_stack.local_deployment import LocalDeployment

Fails = Callable[[int, Entries], set[int]]
"""Returns the indices of the entries that fail in the n-th PutRecords (0, 1, ...)."""

Before = Callable[[int], None]
"""Called before the n-th PutRecords is forwarded."""


@contextmanager
def faulty_kinesis(
    deployment: LocalDeployment, fails: Fails = lambda _n, _entries: set(), before: Before = lambda _n: None
) -> Iterator[list[Entries]]:
    """Make the projector use a faulty proxy while the context is open; yield the entries of its requests."""
    requests: list[Entries] = []

    def interfere(number: int, entries: Entries) -> Interference:
        requests.insert(number, entries)
        before(number)
        return Interference(fails(number, entries))

    with KinesisProxy(deployment.address, interfere):
        yield requests
