"""The fault that fills the failure bucket: the projector fails, and its mapping gives a batch up."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from local_stack.address import Address
from local_stack.event_source_mapping.runner import MappingRunner
from local_stack.faults.accounts import last_account, newest_rows
from local_stack.faults.catalogue import ACCOUNT
from local_stack.faults.errors import FaultRefused

AMOUNT = "1.00"
BROKEN_HANDLER = "no_such_module.handler"
STOP_TIMEOUT_S = 130.0
"""Longer than an invocation of the projector."""
DISCARD_TIMEOUT_S = 60.0
POLL_S = 0.1


class FilledFailureBucket:
    """A batch is discarded into the failure bucket, as after a hundred retries.

    Args:
        address: the running local stack.
        mapping: returns the projector's fake event source mapping; it is asked each time, because it may be replaced.
        publish_metrics: publishes the metrics of the fakes, before the mapping forgets what it has discarded.
    """

    def __init__(
        self,
        address: Address,
        mapping: Callable[[], MappingRunner],
        *,
        publish_metrics: Callable[[], None],
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._address, self._mapping, self._publish_metrics = address, mapping, publish_metrics
        self._monotonic, self._sleep = monotonic, sleep

    def begin(self, settings: Mapping[str, str]) -> Mapping[str, str]:
        account_id = settings.get(ACCOUNT) or last_account(self._address)
        newest_rows(self._address, account_id)  # refuses an account without events
        mapping = self._mapping()
        with self._giving_batches_up(mapping):
            self._credit(account_id)
            deadline_s = self._monotonic() + DISCARD_TIMEOUT_S
            while not (status := mapping.status()).totals.discarded:
                if not status.running:
                    raise FaultRefused("The local stack is stopping.", "Start it again with make up.")
                if self._monotonic() > deadline_s:
                    raise FaultRefused("No batch was discarded in time.", "Try again on a less busy machine.")
                self._sleep(POLL_S)
            self._publish_metrics()
        return {ACCOUNT: account_id}

    def end(self) -> None:
        """Nothing to undo."""

    @contextmanager
    def _giving_batches_up(self, mapping: MappingRunner) -> Iterator[None]:
        """Let the projector fail at its start, and its mapping discard a batch that failed once."""
        functions, name = self._address.client("lambda"), self._address.outputs["ProjectorFunctionName"]
        handler = functions.get_function_configuration(FunctionName=name)["Handler"]
        retries = mapping.config.retry_attempts_max
        continue_with(mapping, retry_attempts_max=0, before=lambda: _set_handler(functions, name, BROKEN_HANDLER))
        try:
            yield
        finally:
            try:
                continue_with(
                    mapping, retry_attempts_max=retries, before=lambda: _set_handler(functions, name, handler)
                )
            except FaultRefused:
                _set_handler(functions, name, handler)
                raise FaultRefused(
                    "The projector is busy, so its mapping still gives each batch up after one attempt.",
                    "Start the local stack again with make up.",
                ) from None

    def _credit(self, account_id: str) -> None:
        with self._address.http() as api:
            answer = api.post(f"/accounts/{account_id}/credit", json={"amount": AMOUNT})
        if not answer.is_success:
            raise FaultRefused(
                f"The account cannot be credited: {answer.status_code} {answer.text[:200]}.",
                "Try again, or name another account.",
            )


def continue_with(mapping: MappingRunner, *, before: Callable[[], None] = lambda: None, **settings: Any) -> None:  # noqa: ANN401 -- of MappingConfig
    """Let a mapping continue where it stopped, with these settings and without a pause before a retry.

    Args:
        mapping: the fake; it is stopped, and started again if it ran.
        before: called while it is stopped.
        settings: fields of its configuration.

    Raises:
        FaultRefused: an invocation did not end in time. The mapping goes on as before.
    """
    was_running = mapping.status().running
    if not mapping.stop(STOP_TIMEOUT_S):
        mapping.resume()
        raise FaultRefused("The projector has been busy for two minutes.", "Try again when it is idle.")
    try:
        before()
        shards = mapping.status().shards
        mapping.begin_again({each.shard_id: each.checkpoint for each in shards if each.checkpoint}, **settings)
    finally:
        if was_running:  # otherwise the local stack is stopping
            mapping.start()


def _set_handler(functions: Any, name: str, handler: str) -> None:  # noqa: ANN401 -- a boto3 client
    functions.update_function_configuration(FunctionName=name, Handler=handler)
