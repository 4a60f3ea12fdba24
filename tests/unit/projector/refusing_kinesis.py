"""A fake Kinesis that always refuses some records."""

from collections.abc import Iterable
from typing import Any

from botocore.exceptions import ClientError

from account_events.testing.kinesis import MemoryKinesis


class RefusingKinesis(MemoryKinesis):
    """Refuses every call with a record that contains one of these texts, as Kinesis does if a record is too large.

    Attributes:
        refusals: the number of refused calls.
    """

    def __init__(self, *texts: bytes, code: str = "ValidationException", latency_s: float = 0.0) -> None:
        super().__init__(latency_s=latency_s)
        self._texts, self._code = texts, code
        self.refusals = 0

    def put_records(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 -- as boto3
        """See boto3's `put_records`."""
        if self._has_one(entry["Data"] for entry in request["Records"]):
            self.refusals += 1
            self.clock.now_s += self._latency_s
            raise ClientError({"Error": {"Code": self._code, "Message": "a record is too large"}}, "PutRecords")
        return super().put_records(**request)

    def _has_one(self, records: Iterable[bytes]) -> bool:
        return any(text in data for data in records for text in self._texts)
