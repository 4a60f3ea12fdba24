"""Puts events on Kinesis in send rounds, until Kinesis has accepted all of them or the deadline is reached."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from projector.kinesis_errors import REFUSED
from projector.lanes import CALL_RECORDS_MAX, Lane, Pack, calls_of
from projector.outgoing import HeldBack, Outgoing, Published

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient


class KinesisPublisher:
    """Puts events on a stream.

    Args:
        client: must not retry (`retries={"total_max_attempts": 1}`) and must have time-outs, because attempts and the
            deadline are managed here.
        stream_name: the name of the Kinesis stream.
        pack: packs events into lanes of records; see `lanes`.
        clock: seconds, monotonic; `deadline_s` is read on this clock.
        sleep: waits that many seconds.
        jitter: returns a random number, 0 <= jitter < 1, for the backoff.
        call_records_max: the most records in a call.
    """

    def __init__(
        self,
        client: "KinesisClient",
        stream_name: str,
        pack: Pack,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        jitter: Callable[[], float],
        call_records_max: int = CALL_RECORDS_MAX,
    ) -> None:
        self._client = client
        self._stream_name = stream_name
        self._pack = pack
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._call_records_max = call_records_max

    def publish(self, events: Iterable[Outgoing], deadline_s: float) -> Published:
        """Put events on the stream.

        Per account, Kinesis accepts events in the order given and without gaps: if one event is held back, so are all
        later ones of the account, while other lanes continue. A call that fails as a whole counts as not accepted. If
        Kinesis accepted it nevertheless, its events are on the stream twice, which consumers expect. If Kinesis refuses
        a call because of its content, the call is split until the faulty event is found. That event's account is held
        back, and all other accounts continue.

        Args:
            events: events of any number of accounts, in sequence per account.
            deadline_s: no call begins at or after this time.
        """
        lanes = self._pack(events)
        entries = [entry for lane in lanes for entry in lane.waiting]
        moving = lanes
        while send_round := self._next_round(moving, deadline_s):
            jitter = self._jitter()  # one per round: records refused together are sent again in one call
            for call in calls_of(send_round, self._call_records_max):
                self._put(call, jitter, deadline_s)
            moving = [lane for lane in moving if lane.waiting]
        held = [each for lane in lanes for each in lane.left_out]
        held += [HeldBack(event, lane.failure) for lane in moving for entry in lane.waiting for event in entry.events]
        if len(held) == sum(len(entry.events) for entry in entries):  # the stream itself may be at fault
            held = [replace(each, is_refused=False) for each in held]
        return Published(held, len(entries), sum(lane.refusals for lane in lanes))

    def _next_round(self, moving: Sequence[Lane], deadline_s: float) -> list[Lane]:
        """Wait until a lane is ready, and return all ready lanes; none if that would be after the deadline."""
        if not moving:
            return []
        now_s = self._clock()
        start_s = max(now_s, min(lane.ready_at_s for lane in moving))
        if start_s >= deadline_s:
            return []
        if start_s > now_s:
            self._sleep(start_s - now_s)
        return [lane for lane in moving if lane.ready_at_s <= start_s]

    def _put(self, call: Sequence[Lane], jitter: float, deadline_s: float) -> None:
        if self._clock() >= deadline_s:
            return
        failures = self._failures(call)
        if failures[0] in REFUSED:  # only a whole call has such an error, never an entry
            if len(call) == 1:
                call[0].narrow(failures[0], self._pack)
            else:
                half = len(call) // 2
                self._put(call[:half], jitter, deadline_s)
                self._put(call[half:], jitter, deadline_s)
            return
        now_s = self._clock()
        for lane, failure in zip(call, failures, strict=True):
            if failure is None:
                lane.accepted()
            else:
                lane.refused(failure, now_s, jitter)

    def _failures(self, call: Sequence[Lane]) -> list[str | None]:
        """Make the call, and return each entry's error code, or None if it was accepted."""
        entries = [lane.waiting[0] for lane in call]
        try:
            answer = self._client.put_records(
                StreamName=self._stream_name,
                Records=[
                    {
                        "Data": entry.data,
                        "PartitionKey": entry.partition_key,
                        "ExplicitHashKey": entry.explicit_hash_key,
                    }
                    for entry in entries
                ],
            )
        except ClientError as error:
            return [error.response.get("Error", {}).get("Code", "ClientError")] * len(call)
        except BotoCoreError as error:
            return [type(error).__name__] * len(call)
        return [entry.get("ErrorCode") for entry in answer["Records"]]
