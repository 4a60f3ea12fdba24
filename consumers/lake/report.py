"""Reports a batch: writes the reasons for refusals to the bucket and to the log, and emits counts as metrics."""

import base64
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from consumers.lake.table import REASONS_PREFIX
from consumers.lake.transform import Refusal, Transformed

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger, Metrics

REFUSALS_LOGGED_MAX = 20
"""Per batch; the object in the bucket contains all refusals."""


class Report:
    """Reports batches. Firehose keeps the records that the function refused, but not the reasons.

    Args:
        s3: makes a client, at the first refusal.
        bucket: the lake's bucket.
        now: the current time, UTC.
    """

    def __init__(
        self,
        s3: Callable[[], Any],
        bucket: str,
        logger: "Logger",
        metrics: "Metrics",
        now: Callable[[], datetime],
    ) -> None:
        self._s3, self._bucket, self._logger, self._metrics, self._now = s3, bucket, logger, metrics, now

    def __call__(self, invocation_id: str, transformed: Transformed) -> None:
        """Reports one invocation. Writes refusals, if any, to `errors/reasons/dt=<today>/<invocation>.jsonl`."""
        refusals = transformed.refusals
        if refusals:
            self._keep(invocation_id, refusals)
        for refusal in refusals[:REFUSALS_LOGGED_MAX]:
            self._logger.error("record refused", error=refusal.error, reason=refusal.reason, **_position(refusal))
        self._logger.info("batch transformed", rows=transformed.rows, refused=len(refusals))
        self._metrics.add_metric(name="Rows", unit="Count", value=transformed.rows)
        self._metrics.add_metric(name="Refused", unit="Count", value=len(refusals))
        self._metrics.flush_metrics()

    def _keep(self, invocation_id: str, refusals: Sequence[Refusal]) -> None:
        """Writes the reasons. If that fails, a redrive determines them again from the data that Firehose keeps."""
        key = f"{REASONS_PREFIX}dt={self._now():%Y-%m-%d}/{invocation_id}.jsonl"
        body = "".join(json.dumps(_reason(refusal)) + "\n" for refusal in refusals).encode()
        try:
            self._s3().put_object(Bucket=self._bucket, Key=key, Body=body, ContentType="application/jsonl")
        except (BotoCoreError, ClientError) as error:
            self._logger.exception("refusal reasons not written", key=key, error=f"{type(error).__name__}: {error}")


def _reason(refusal: Refusal) -> dict[str, Any]:
    return {
        "recordId": refusal.record_id,
        **_position(refusal),
        "error": refusal.error,
        "reason": refusal.reason,
        "sha256": sha256(refusal.data).hexdigest(),
        "data": base64.b64encode(refusal.data).decode(),
    }


def _position(refusal: Refusal) -> dict[str, Any]:
    """The record's position on the stream; nulls if the record did not come from the stream."""
    return {name: refusal.source.get(name) for name in ("shardId", "sequenceNumber", "subsequenceNumber")}
