"""A fake event source mapping that runs in its own thread."""

import logging
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from account_events.lambda_mapping.config import MappingConfig
from account_events.lambda_mapping.retry import Backoff
from account_events.streams.dynamodb_source import DynamoDBSource
from account_events.streams.kinesis_source import KinesisSource
from account_events.streams.reader import ShardReader
from account_events.streams.source import StreamSource
from local_stack.event_source_mapping.clients import MappingClients
from local_stack.event_source_mapping.delivery import Delivery
from local_stack.event_source_mapping.poll_rate import PollRate
from local_stack.event_source_mapping.poller import EventPoller
from local_stack.event_source_mapping.status import MappingStatus
from local_stack.poll_loop import STOP_TIMEOUT_S, PollCycle, PollLoop

logger = logging.getLogger(__name__)


class MappingRunner:
    """Our fake of AWS Lambda's event source mapping, between one stream and one function.

    Checkpoints exist only in memory. A new runner begins at the mapping's starting position, or after `resume_after`,
    so it delivers records at least once, as AWS does.
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
        rate: PollRate | None = None,
    ) -> None:
        """Create the runner; `start` starts it.

        Args:
            config: configuration of the deployed mapping; see `deployed`.
            clients: AWS clients; `MappingClients` states the settings that they need.
            clock: returns seconds since the epoch.
            new_uuid: returns a UUID for an object's key at the on-failure destination.
            backoff: pauses between retries of a batch.
            resume_after: sequence number by shard id, for example the checkpoints of an earlier `status()`.
            rate: how often it reads the stream; None for the rate of `POLL_RATES`.
        """
        self.config = config
        self._rate = rate
        self._clients, self._clock, self._new_uuid, self._backoff = clients, clock, new_uuid, backoff
        self._poller = self._new_poller(resume_after)
        self._loop = PollLoop(f"event-source-mapping-{config.uuid}", self._cycle)

    def start(self) -> None:
        """Start polling.

        Raises:
            RuntimeError: the runner is already running.
        """
        logger.info("Event source mapping %s: %s", self.config.uuid, self.config.function_arn)
        self._loop.start()

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> bool:
        """Stop after the current invocation; wait for it at most `timeout_s`.

        Returns:
            Whether the thread has ended. If not, it ends when the function answers.
        """
        return self._loop.stop(timeout_s)

    def resume(self) -> None:
        """Run again after `stop`, even if it did not end the thread in time."""
        self._loop.resume()

    def begin_again(self, resume_after: Mapping[str, str] | None = None, **settings: Any) -> None:  # noqa: ANN401 -- of MappingConfig
        """Forget the checkpoints, as a mapping that is deleted and created again. Do not call it while it is running.

        Args:
            resume_after: as for a new runner.
            settings: fields of its configuration that have other values from now on.
        """
        self.config = replace(self.config, **settings)
        self._poller = self._new_poller(resume_after)

    def idle(self) -> bool:
        """Whether the last cycle found no new records on any open shard, and all records read so far are processed."""
        return self._loop.is_idle

    def wait_until_idle(self, timeout_s: float) -> bool:
        """Wait until every record written before the call is delivered or discarded.

        Returns:
            False if that did not happen within `timeout_s`, or the runner is stopped.
        """
        return self._loop.wait_until_idle(timeout_s)

    def status(self) -> MappingStatus:
        """Return the mapping's current status."""
        return MappingStatus(
            running=self._loop.is_running(),
            idle=self.idle(),
            cycles=self._loop.done,
            shards=self._poller.shards(),
            finished_shards=self._poller.finished_shards(),
            totals=self._poller.totals(),
            errors=self._poller.errors,
            last_error=self._poller.last_error,
        )

    def run_cycle(self) -> float:
        """Run one poll cycle, as the thread does. Do not call it while the runner is running.

        Returns:
            Seconds to wait before the next cycle; 0 while there is work.
        """
        return self._loop.run_cycle()

    def _new_poller(self, resume_after: Mapping[str, str] | None) -> EventPoller:
        return EventPoller(
            self.config,
            ShardReader(_source(self._clients, self.config), self._clock),
            Delivery(self._clients, self.config, new_uuid=self._new_uuid),
            clock=self._clock,
            backoff=self._backoff,
            resume_after=resume_after,
            rate=self._rate,
        )

    def _cycle(self, is_awaited: bool) -> PollCycle:  # noqa: FBT001 -- as PollLoop calls it
        pause_s = self._poller.run_cycle(list_shards=is_awaited)
        return PollCycle(pause_s, self._poller.is_idle())


def _source(clients: MappingClients, config: MappingConfig) -> StreamSource:
    if config.source_kind == "kinesis":
        return KinesisSource(clients.kinesis, config.stream_arn, config.invoke_identity_arn)
    return DynamoDBSource(clients.streams, config)
