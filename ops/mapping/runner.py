"""One event source mapping, running in a thread of its own."""

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from ops.mapping.clients import MappingClients
from ops.mapping.config import MappingConfig
from ops.mapping.delivery import Delivery
from ops.mapping.dynamodb_source import DynamoDBSource
from ops.mapping.kinesis_source import KinesisSource
from ops.mapping.poller import EventPoller
from ops.mapping.reader import ShardReader
from ops.mapping.retry import Backoff
from ops.mapping.source import StreamSource
from ops.mapping.status import MappingStatus

logger = logging.getLogger(__name__)

STOP_TIMEOUT_S = 10.0


class MappingRunner:
    """Our stand-in for AWS Lambda's event source mapping, between one stream and one function.

    Checkpoints live in memory: a new runner starts at the mapping's starting position, or after `resume_after`, so
    records are delivered at least once, as AWS promises too.
    """

    def __init__(
        self,
        config: MappingConfig,
        clients: MappingClients,
        *,
        clock: Callable[[], float] = time.time,
        new_uuid: Callable[[], str] = lambda: str(uuid.uuid4()),
        backoff: Backoff | None = None,
        resume_after: Mapping[str, str] | None = None,
    ) -> None:
        """Wire it; nothing runs before `start`.

        Args:
            config: the deployed mapping, see `deployed`.
            clients: by role; see there what the one that invokes needs.
            clock: seconds since the epoch.
            new_uuid: for the keys of objects at the on-failure destination.
            backoff: between retries of a batch.
            resume_after: sequence number by shard id, for example the checkpoints of an earlier `status()`.
        """
        self._config = config
        self._poller = EventPoller(
            config,
            ShardReader(_source(clients, config), clock),
            Delivery(clients, config, new_uuid=new_uuid),
            clock=clock,
            backoff=backoff,
            resume_after=resume_after,
        )
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._changed = threading.Condition()
        self._listing_asked_for = False
        self._passes_begun = 0
        self._passes_done = 0
        self._is_idle = False

    def start(self) -> None:
        """Begin to poll.

        Raises:
            RuntimeError: it is running already.
        """
        if self._thread is not None:
            raise RuntimeError("the mapping is running already")
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name=f"event-source-mapping-{self._config.uuid}", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> bool:
        """Stop after the invocation under way, and wait for that at most `timeout_s`.

        Returns:
            Whether the thread has ended. If not, it ends by itself as soon as the function answers.
        """
        self._stopping.set()
        self._wake.set()
        thread = self._thread
        if thread is None:
            return True
        thread.join(timeout_s)
        if thread.is_alive():
            logger.warning("Event source mapping %s: still waiting for the function to answer", self._config.uuid)
            return False
        self._thread = None
        return True

    def idle(self) -> bool:
        """Whether the last pass ended with all read records done and nothing new from GetRecords on any open shard."""
        return self._is_idle

    def wait_until_idle(self, timeout_s: float) -> bool:
        """Wait until a pass that began after this call has found nothing left to do.

        So what was written before the call has been delivered or discarded after it returns True.

        Returns:
            False if that did not happen within `timeout_s`, or the runner was stopped.
        """
        with self._changed:
            target = self._passes_begun + 1
            self._listing_asked_for = True
            self._wake.set()
            self._changed.wait_for(lambda: self._is_settled(target) or not self._is_running(), timeout_s)
            return self._is_settled(target)

    def status(self) -> MappingStatus:
        """The mapping as it is now."""
        return MappingStatus(
            running=self._is_running(),
            idle=self.idle(),
            passes=self._passes_done,
            shards=self._poller.shards(),
            finished_shards=self._poller.finished_shards(),
            totals=self._poller.totals(),
            errors=self._poller.errors,
            last_error=self._poller.last_error,
        )

    def run_pass(self) -> float:
        """One pass over all shards, as the thread does it. Not while it is running.

        Returns:
            Seconds to wait before the next pass; 0 while there is work.
        """
        with self._changed:
            self._passes_begun += 1
            list_shards, self._listing_asked_for = self._listing_asked_for, False
        pause_s = self._poller.run_pass(list_shards=list_shards)
        with self._changed:
            self._passes_done = self._passes_begun
            self._is_idle = self._poller.is_idle()
            self._changed.notify_all()
        return pause_s

    def _run(self) -> None:
        logger.info("Event source mapping %s: %s", self._config.uuid, self._config.function_arn)
        while not self._stopping.is_set():
            pause_s = self.run_pass()
            self._wake.wait(pause_s)
            self._wake.clear()
        with self._changed:
            self._changed.notify_all()

    def _is_settled(self, target: int) -> bool:
        return self._passes_done >= target and self._is_idle

    def _is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive() and not self._stopping.is_set()


class Idler(Protocol):
    """Does what it finds, and can be waited for."""

    def wait_until_idle(self, timeout_s: float) -> bool:
        """See `MappingRunner.wait_until_idle`."""
        ...


def wait_until_all_idle(
    runners: Iterable[Idler], timeout_s: float, *, monotonic: Callable[[], float] = time.monotonic
) -> bool:
    """Wait for several, one after the other, for `timeout_s` in all.

    Args:
        runners: in the order in which records pass them: a function that feeds another's stream comes before it. What
            was written before the call has then passed all of them.
        timeout_s: for all of them together.
        monotonic: seconds of a clock that never goes back.

    Returns:
        False if one of them was not idle in time, or is not running.
    """
    deadline = monotonic() + timeout_s
    return all(runner.wait_until_idle(max(0.0, deadline - monotonic())) for runner in runners)


def _source(clients: MappingClients, config: MappingConfig) -> StreamSource:
    if config.source_kind == "kinesis":
        return KinesisSource(clients.kinesis, config)
    return DynamoDBSource(clients.streams, config)
