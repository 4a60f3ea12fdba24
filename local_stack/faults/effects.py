"""Wires the effects of the faults to a running local stack."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from local_stack.faults.effect import Effect
from local_stack.faults.failure_bucket import FilledFailureBucket
from local_stack.faults.interferences import losing, refusing
from local_stack.faults.poison import PoisonRow
from local_stack.faults.put_records import InterferedShare, PutRecordsFaults, ThrottledShard
from local_stack.faults.stops import Stopped
from local_stack.faults.workers import KilledProjector
from local_stack.local_deployment import LocalDeployment

READER = "AccountsByOwnerMapping"
"""The logical id of the mapping from the event stream to the accounts by owner."""


@dataclass(frozen=True, slots=True)
class Effects:
    """The effects of all faults.

    Attributes:
        by_name: the effects, by name of the fault.
        close: releases what they have. No fault may be on.
    """

    by_name: Mapping[str, Effect]
    close: Callable[[], None]


def effects_of(deployment: LocalDeployment) -> Effects:
    """The effects on a running local stack."""
    address, shared = deployment.address, PutRecordsFaults(deployment.address)
    by_name: dict[str, Effect] = {
        "throttled-shard": ThrottledShard("throttled-shard", shared, address),
        "refused-entries": InterferedShare("refused-entries", shared, refusing),
        "lost-answers": InterferedShare("lost-answers", shared, losing),
        "poison-row": PoisonRow(address),
        "killed-projector": KilledProjector(deployment),
        "stopped-projector-mapping": Stopped(lambda: deployment.mapping, lambda: deployment.mapping.status().running),
        "stopped-reader-mapping": Stopped(
            lambda: deployment.mappings[READER], lambda: deployment.mappings[READER].status().running
        ),
        "stopped-lake": Stopped(lambda: deployment.firehose, lambda: deployment.firehose.status().is_running),
        "filled-failure-bucket": FilledFailureBucket(
            address,
            lambda: deployment.mapping,
            publish_metrics=lambda: deployment.metrics.publish(),  # noqa: PLW0108 -- may be replaced
        ),
    }
    return Effects(by_name, shared.close)
