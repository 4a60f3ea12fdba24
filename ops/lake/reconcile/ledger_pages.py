"""Reads all of the ledger's rows page by page, by a parallel Scan."""

import json
from collections.abc import Callable, Generator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

from ops.replay.engine import SEGMENTS
from ops.replay.pace import Pace
from ops.replay.source import Item, Page, Part, Segment, Source

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def pages(
    source: Source, pace: Pace, page_units: float, segments: int = SEGMENTS, stop: Callable[[], object] = lambda: None
) -> Generator[Page, None, None]:
    """Every page of every segment, strongly consistent. Pages of different segments come in any order.

    Args:
        source: the table.
        pace: limits the read rate.
        page_units: the read units that a segment's first page may use.
        segments: the number of segments, which are read concurrently.
        stop: called at the end, also after an error. It must end the waits of `pace` and `source`.

    Raises:
        Interrupted: the table does not answer.
    """
    units: dict[Part, float] = {}
    reading: dict[Future[Page], Part] = {}

    def begin(part: Part, after: Item | None) -> None:
        reading[executor.submit(_read, source, part, after, pace, pace.reserve(units[part]))] = part

    with ThreadPoolExecutor(segments) as executor:
        try:
            for index in range(segments):
                units[Segment(index, segments)] = page_units
                begin(Segment(index, segments), None)
            while reading:
                done, _ = wait(reading, return_when=FIRST_COMPLETED)
                for future in done:
                    part, page = reading.pop(future), future.result()
                    pace.settle(units[part], page.read_units)
                    units[part] = page.read_units
                    if page.next_key is not None:
                        begin(part, page.next_key)
                    yield page
        finally:
            stop()
            for future in reading:
                future.cancel()


def _read(source: Source, part: Part, after: Item | None, pace: Pace, wait_s: float) -> Page:
    pace.sleep(wait_s)
    return source.read(part, after)


def skip_scan_parsing(client: "DynamoDBClient") -> None:
    """Make this client's Scans return items as they are in the response, unparsed.

    botocore's parser takes three times as long as the rest of a Scan (benchmarks/reconcile.py), and does not change a
    row's strings and numbers. Binary attributes, which rows do not have, would stay in base64.
    """
    client.meta.events.register("before-parse.dynamodb.Scan", _items_as_they_are)


def _items_as_they_are(
    response_dict: dict[str, Any],
    customized_response_dict: dict[str, Any],
    **_: Any,  # noqa: ANN401 -- botocore's
) -> None:
    if response_dict["status_code"] != 200:  # noqa: PLR2004 -- HTTP status
        return
    answer = json.loads(response_dict["body"])
    customized_response_dict["Items"] = answer.pop("Items")
    response_dict["body"] = json.dumps(answer).encode()
