"""Carries out a `replay` command: wires the replay, saves its checkpoint, and prints progress and results."""

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
from ops.replay.engine import ReplayResult, new_state, replay
from ops.replay.errors import Interrupted, InvalidRequest
from ops.replay.estimate import TableSize, duration_s, in_words
from ops.replay.file_format import FileFormat, writer
from ops.replay.file_sink import FileSink, OutputSink
from ops.replay.output_paths import check_output_path
from ops.replay.reading import Ledger, Reading, opened
from ops.replay.selection import Accounts, Selection, described
from ops.replay.sinks import CountingSink, Metered, Sink, StreamSink
from ops.replay.state import State
from ops.terminal import counted, err, out
from projector.publish import KinesisPublisher

CHECKPOINTS = Path(".account-events-replay")
RESUME = "repeat the same command with --resume"


@dataclass(frozen=True, slots=True)
class Target:
    """Where the events go: a stream, a file, stdout, or nowhere."""

    stream: str | None
    file: Path | None
    to_stdout: bool
    file_format: FileFormat

    def described(self) -> dict[str, str]:
        """The target in JSON, for the checkpoint; for a stream, only its name."""
        if self.stream is not None:
            return {"stream": self.stream}
        return {"file": str(self.file.absolute()), "format": self.file_format} if self.file is not None else {}


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """The options of a replay.

    Attributes:
        table: the table to read; None for the stack's.
        from_export: the export of that table to read; None to read the table itself.
    """

    selection: Selection
    target: Target
    segments: int
    read_units_max: float
    page_rows: int | None
    dry_run: bool
    resume: bool
    checkpoint: Path | None
    table: str | None
    from_export: str | None = None


class ReplayRun:
    """One run of the command."""

    def __init__(self, deployment: Deployment, request: ReplayRequest) -> None:
        self._outputs = deployment.outputs
        self._request = request
        self._stop = threading.Event()
        self._table_name = request.table or deployment.outputs["TableName"]
        self._ledger = Ledger(
            deployment.client("dynamodb"),
            deployment.client("s3"),
            self._table_name,
            lambda: deployment.outputs["LedgerExportsName"],
        )
        self._pack, self._codec, self._encoders = deployment.pack(), deployment.codec(), deployment.encoders()
        self._kinesis = deployment.kinesis()

    def run(self) -> bool:
        """Replays the events. Returns False if an account stopped early."""
        request = self._request
        if request.target.file is not None and not request.dry_run:
            check_output_path(request.target.file)
        with opened(
            self._ledger, request.selection, request.from_export, stop=self._stop, page_rows=request.page_rows
        ) as reading:
            return self._run(reading)

    def _run(self, reading: Reading) -> bool:
        target = self._request.target
        if reading.export is None:
            self._print_estimate(reading.size)
        if self._request.dry_run:
            return self._replay(reading, CountingSink(self._pack))
        if target.to_stdout:
            return self._run_to_stdout(reading)
        asked = self._asked(reading)
        checkpoint = CheckpointFile(self._request.checkpoint or _default_checkpoint(target, asked), asked)
        with checkpoint.locked():
            state = self._initial_state(checkpoint)
            with _resume_advice(checkpoint), self._sink(state) as sink:
                is_complete = self._replay(reading, sink, state, checkpoint.save)
            checkpoint.delete()
        return is_complete

    def _run_to_stdout(self, reading: Reading) -> bool:
        sink = OutputSink(sys.stdout.buffer, writer(self._request.target.file_format, self._codec))
        try:
            return self._replay(reading, sink)
        except BrokenPipeError:
            raise Interrupted(
                "Standard output was closed before all events were written: run the command again."
            ) from None

    def _asked(self, reading: Reading) -> dict[str, Any]:
        target = self._request.target
        sink = target.described()
        if target.stream is not None:
            sink |= self._stream_identity(target.stream) | {"packing": self._packing()}
        else:
            sink |= {"framing": self._outputs["Framing"]}
        return {
            "selection": described(self._request.selection),
            "table": reading.size.table_id,
            "sink": sink,
            "segments": self._request.segments,
        } | ({} if reading.export is None else {"export": reading.export.digest})

    def _packing(self) -> str:
        outputs = self._outputs
        return f"aggregation {outputs['Aggregation']}, {outputs['Buckets']} buckets, {outputs['Framing']}"

    def _stream_identity(self, name: str) -> dict[str, str]:
        """Identifies the stream, for the checkpoint: a later stream of the same name does not have the events."""
        try:
            stream = self._kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                raise InvalidRequest(f"There is no stream {name}: create it first.") from None
            raise
        return {"arn": stream["StreamARN"], "made_at": str(stream["StreamCreationTimestamp"])}

    def _initial_state(self, checkpoint: CheckpointFile) -> State:
        if self._request.resume:
            return checkpoint.load()
        if checkpoint.exists():
            raise InvalidRequest(
                f"An earlier run was interrupted: continue it with --resume, or delete {checkpoint.path} to start over."
            )
        return new_state(self._request.selection, self._request.segments)

    @contextmanager
    def _sink(self, state: State) -> Iterator[Sink]:
        target = self._request.target
        if target.file is not None:
            with closing(FileSink(target.file, state.position, writer(target.file_format, self._codec))) as sink:
                yield sink
        elif target.stream is not None:
            pack = Metered(self._pack)
            publisher = KinesisPublisher(
                self._kinesis, target.stream, pack, clock=time.monotonic, sleep=time.sleep, jitter=random.random
            )
            yield StreamSink(publisher, pack, time.monotonic, _print_refused)

    def _replay(
        self,
        reading: Reading,
        sink: Sink,
        state: State | None = None,
        save: Callable[[State], None] | None = None,
    ) -> bool:
        request, begun_s = self._request, time.monotonic()
        state = state or new_state(request.selection, request.segments)
        executor = ThreadPoolExecutor(request.segments)
        with reading.display(state.counts) as display:

            def saved(state: State) -> None:
                (save or _keep_nothing)(state)
                display.update(state.counts)

            try:
                result = replay(
                    reading.source,
                    request.selection,
                    sink,
                    segments=request.segments,
                    state=state,
                    executor=executor,
                    pace=reading.pace(request.read_units_max, self._stop.wait),
                    page_units=reading.size.page_units(request.segments),
                    save=saved,
                    encoders=self._encoders,
                )
            finally:
                self._stop.set()
                executor.shutdown(wait=False, cancel_futures=True)
        self._print_result(result, time.monotonic() - begun_s)
        return not result.stopped

    def _print_estimate(self, size: TableSize) -> None:
        request = self._request
        if isinstance(request.selection, Accounts):
            _note(f"reading {counted(len(request.selection.account_ids), 'account')} of {self._table_name}")
            return
        seconds = duration_s(size.read_units, request.read_units_max)
        _note(
            f"{self._table_name} has about {size.rows} rows, which take {size.read_units} read units, about "
            f"{in_words(seconds)} at {request.read_units_max:g} units/s. DynamoDB's figures may be six hours old."
        )

    def _print_result(self, result: ReplayResult, seconds: float) -> None:
        for stopped in result.stopped:
            err.print(
                f"[bold red]✗[/] {escape(stopped.account_id)}: stopped before event {stopped.sequence}, "
                f"row {escape(stopped.version)}: {escape(stopped.reason)}",
                soft_wrap=True,
                highlight=False,
            )
        counts, request = result.counts, self._request
        read = f"{counts.read_units:g} read units" if request.from_export is None else "no read units"
        console = err if request.target.to_stdout else out
        console.print(
            f"{counted(counts.accounts, 'account')}, {counted(counts.events, 'event')}, {counts.data_bytes} bytes; "
            f"{counted(counts.rows, 'row')} read with {read}"
            + (f", {counts.put_units} PUT units of 25 KB" if counts.put_units else "")
            + (f"; {counted(len(result.stopped), 'account')} stopped early" if result.stopped else ""),
            soft_wrap=True,
            highlight=False,
        )
        if request.dry_run and request.from_export is not None:
            console.print("Nothing was written.")
        elif request.dry_run:
            at_least_s = duration_s(counts.read_units, request.read_units_max)
            text = f"Nothing was written. A replay takes about {in_words(max(seconds, at_least_s))}"
            console.print(f"{text} at {request.read_units_max:g} read units/s.", soft_wrap=True, highlight=False)


@contextmanager
def _resume_advice(checkpoint: CheckpointFile) -> Iterator[None]:
    """Adds, to every error that ends the run early, how to resume it."""
    try:
        yield
    except Interrupted as error:
        raise Interrupted(f"{error} Once that is resolved, {RESUME}.") from error
    except OSError as error:
        raise Interrupted(f"A file cannot be written: {error.strerror}. Once that is resolved, {RESUME}.") from error
    except KeyboardInterrupt:
        if checkpoint.exists():
            err.print(f"interrupted: {RESUME}; the checkpoint is {checkpoint.path}", soft_wrap=True, highlight=False)
        raise


def _default_checkpoint(target: Target, asked: dict[str, Any]) -> Path:
    """Next to the target file; for a stream, in CHECKPOINTS, one file for each selection and table."""
    if target.file is not None:
        return target.file.with_name(f"{target.file.name}.checkpoint.json")
    digest = sha256(json.dumps([asked["selection"], asked["table"]]).encode()).hexdigest()
    CHECKPOINTS.mkdir(exist_ok=True)
    return CHECKPOINTS / f"{target.stream}-{digest[:12]}.json"


def _print_refused(events: int, reason: str) -> None:
    _note(f"Kinesis has not accepted {counted(events, 'event')} yet ({reason}); retrying")


def _note(text: str) -> None:
    err.print(f"[dim]{escape(text)}[/]", soft_wrap=True, highlight=False)


def _keep_nothing(_state: State) -> None:
    """A dry run, or a run to stdout, has no checkpoint."""
