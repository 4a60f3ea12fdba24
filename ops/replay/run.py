"""What the command `replay` does once its call is understood: wiring, checkpoint, progress, and the last word."""

import json
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from rich.markup import escape

from ops.deployment.stack import Deployment
from ops.replay.checkpoint_file import CheckpointFile
from ops.replay.display import Display
from ops.replay.dynamodb_source import DynamoDBSource
from ops.replay.engine import ReplayResult, new_state, replay
from ops.replay.errors import Interrupted, WrongCall
from ops.replay.estimate import duration_s, in_words
from ops.replay.file_format import FileFormat, writer
from ops.replay.file_sink import FileSink, OutputSink
from ops.replay.output_paths import check_place
from ops.replay.pace import ReadPace
from ops.replay.selection import Accounts, Selection, described
from ops.replay.sinks import CountingSink, Metered, Sink, StreamSink
from ops.replay.state import State
from ops.terminal import err, out
from projector.publish import KinesisPublisher

CHECKPOINTS = Path(".account-events-replay")
GO_ON = "go on with the same call and --resume"


@dataclass(frozen=True, slots=True)
class Target:
    """Where the events go: exactly one of a stream, a file and stdout, or nowhere."""

    stream: str | None
    file: Path | None
    to_stdout: bool
    file_format: FileFormat

    def described(self) -> dict[str, str]:
        """In JSON, for the checkpoint; without what a stream's name leaves open."""
        if self.stream is not None:
            return {"stream": self.stream}
        return {"file": str(self.file.absolute()), "format": self.file_format} if self.file is not None else {}


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """A replay as it is called; `table` is another table than the stack's."""

    selection: Selection
    target: Target
    segments: int
    read_units_max: float
    page_rows: int | None
    dry_run: bool
    resume: bool
    checkpoint: Path | None
    table: str | None


class ReplayRun:
    """One call of the command."""

    def __init__(self, deployment: Deployment, order: ReplayRequest) -> None:
        self._outputs = deployment.outputs
        self._order = order
        self._stop = threading.Event()
        self._table_name = order.table or deployment.outputs["TableName"]
        self._pack, self._codec, self._encoders = deployment.pack(), deployment.codec(), deployment.encoders()
        self._kinesis = deployment.kinesis()
        self._source = DynamoDBSource(
            deployment.client("dynamodb"),
            self._table_name,
            wait=self._stop.wait,
            jitter=random.random,
            page_rows=order.page_rows,
        )
        self._size = self._source.size()

    def go(self) -> bool:
        """Whether nothing is missing."""
        self._tell_estimate()
        target = self._order.target
        if self._order.dry_run:
            return self._run(CountingSink(self._pack))
        if target.to_stdout:
            return self._run_to_stdout()
        if target.file is not None:
            check_place(target.file)
        asked = self._asked()
        kept = CheckpointFile(self._order.checkpoint or _default_checkpoint(target, asked), asked)
        with kept.held():
            state = self._begun(kept)
            with _advised(kept), self._sink(state) as sink:
                is_complete = self._run(sink, state, kept.save)
            kept.delete()
        return is_complete

    def _run_to_stdout(self) -> bool:
        try:
            return self._run(OutputSink(sys.stdout.buffer, writer(self._order.target.file_format, self._codec)))
        except BrokenPipeError:
            raise Interrupted("Standard output was closed before all events were out.") from None

    def _asked(self) -> dict[str, Any]:
        target = self._order.target
        sink = target.described()
        if target.stream is not None:
            sink |= self._stream_identity(target.stream) | {"packing": self._packing()}
        else:
            sink |= {"framing": self._outputs["Framing"]}
        return {
            "selection": described(self._order.selection),
            "table": self._size.table_id,
            "sink": sink,
            "segments": self._order.segments,
        }

    def _packing(self) -> str:
        outputs = self._outputs
        return f"aggregation {outputs['Aggregation']}, {outputs['Buckets']} buckets, {outputs['Framing']}"

    def _stream_identity(self, name: str) -> dict[str, str]:
        """Which stream it is, for the checkpoint: another of the same name has not had the events."""
        try:
            stream = self._kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                raise WrongCall(f"There is no stream {name}: make it first.") from None
            raise
        return {"arn": stream["StreamARN"], "made_at": str(stream["StreamCreationTimestamp"])}

    def _begun(self, kept: CheckpointFile) -> State:
        if self._order.resume:
            return kept.load()
        if kept.exists():
            raise WrongCall(
                f"An earlier run was interrupted: go on with --resume, or delete {kept.path} to begin anew."
            )
        return new_state(self._order.selection, self._order.segments)

    @contextmanager
    def _sink(self, state: State) -> Iterator[Sink]:
        target = self._order.target
        if target.file is not None:
            with closing(FileSink(target.file, state.position, writer(target.file_format, self._codec))) as sink:
                yield sink
        elif target.stream is not None:
            pack = Metered(self._pack)
            publisher = KinesisPublisher(
                self._kinesis, target.stream, pack, clock=time.monotonic, sleep=time.sleep, jitter=random.random
            )
            yield StreamSink(publisher, pack, time.monotonic, _tell_refused)

    def _run(self, sink: Sink, state: State | None = None, save: Callable[[State], None] | None = None) -> bool:
        order, begun_s = self._order, time.monotonic()
        state = state or new_state(order.selection, order.segments)
        expected = None if isinstance(order.selection, Accounts) else self._size.read_units
        pace = ReadPace(order.read_units_max, time.monotonic, self._stop.wait)
        executor = ThreadPoolExecutor(order.segments)
        with Display(err, expected, state.counts) as display:

            def saved(state: State) -> None:
                (save or _keep_nothing)(state)
                display.tell(state.counts)

            try:
                result = replay(
                    self._source,
                    order.selection,
                    sink,
                    segments=order.segments,
                    state=state,
                    executor=executor,
                    pace=pace,
                    page_units=self._size.page_units(order.segments),
                    save=saved,
                    encoders=self._encoders,
                )
            finally:
                self._stop.set()
                executor.shutdown(wait=False, cancel_futures=True)
        self._tell(result, time.monotonic() - begun_s)
        return not result.stopped

    def _tell_estimate(self) -> None:
        order, size = self._order, self._size
        if isinstance(order.selection, Accounts):
            _note(f"reading {len(order.selection.account_ids)} accounts of {self._table_name}")
            return
        seconds = duration_s(size.read_units, order.read_units_max)
        _note(
            f"{self._table_name} has about {size.rows} rows, {size.read_units} read units to read, by DynamoDB's "
            f"figures, which may be six hours old: about {in_words(seconds)} at {order.read_units_max:g} units/s"
        )

    def _tell(self, result: ReplayResult, seconds: float) -> None:
        for stopped in result.stopped:
            err.print(
                f"[bold red]✗[/] {escape(stopped.account_id)} ends in front of event {stopped.sequence}, "
                f"row {escape(stopped.version)}: {escape(stopped.reason)}",
                soft_wrap=True,
                highlight=False,
            )
        counts, order = result.counts, self._order
        told = err if order.target.to_stdout else out
        told.print(
            f"{counts.accounts} accounts, {counts.events} events, {counts.data_bytes} bytes; {counts.rows} rows read "
            f"with {counts.read_units:g} read units"
            + (f", {counts.put_units} PUT units of 25 KB" if counts.put_units else "")
            + (f"; {len(result.stopped)} accounts end early" if result.stopped else ""),
            soft_wrap=True,
            highlight=False,
        )
        if order.dry_run:
            at_least_s = duration_s(counts.read_units, order.read_units_max)
            text = f"Nothing was written. A replay takes about {in_words(max(seconds, at_least_s))}"
            told.print(f"{text} at {order.read_units_max:g} read units/s.", soft_wrap=True, highlight=False)


@contextmanager
def _advised(kept: CheckpointFile) -> Iterator[None]:
    """Whatever ends the run early: how it goes on."""
    try:
        yield
    except Interrupted as error:
        raise Interrupted(f"{error} Once that is seen to, {GO_ON}.") from error
    except OSError as error:
        raise Interrupted(f"A file cannot be written: {error.strerror}. Once that is seen to, {GO_ON}.") from error
    except KeyboardInterrupt:
        if kept.exists():
            err.print(f"interrupted: {GO_ON}; the checkpoint is {kept.path}", soft_wrap=True, highlight=False)
        raise


def _default_checkpoint(target: Target, asked: dict[str, Any]) -> Path:
    """Next to a file; of a stream, in the current folder, a file for each selection."""
    if target.file is not None:
        return target.file.with_name(f"{target.file.name}.checkpoint.json")
    digest = sha256(json.dumps([asked["selection"], asked["table"]]).encode()).hexdigest()
    CHECKPOINTS.mkdir(exist_ok=True)
    return CHECKPOINTS / f"{target.stream}-{digest[:12]}.json"


def _tell_refused(events: int, reason: str) -> None:
    _note(f"Kinesis has not taken {events} events yet ({reason}); they are offered again")


def _note(text: str) -> None:
    err.print(f"[dim]{escape(text)}[/]", soft_wrap=True, highlight=False)


def _keep_nothing(_state: State) -> None:
    """A dry run, and what goes to stdout, has no checkpoint."""
