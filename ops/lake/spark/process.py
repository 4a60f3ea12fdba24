"""The Spark jobs as processes: their Spark session, their messages, and how they end.

A job writes one JSON object per line to stdout: `{"doing": step}`, and `{"refused": reason}` before it exits with
code 1.
"""

import argparse
import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from py4j.protocol import Py4JError, Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from local_stack.errors import CommandError
from ops.lake.spark import session
from ops.lake.spark.lake import cause


def exit_code(work: Callable[[], str]) -> int:
    """Run a job, which returns its last message, in a process of its own."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # so that Spark is stopped in an orderly way
    try:
        done = work()
    except CommandError as error:
        report(refused=str(error))
        return 1
    except (Py4JJavaError, PySparkException) as error:
        report(refused=f"Spark failed: {cause(error)}")
        raise
    except KeyboardInterrupt:
        return 130
    report(doing=done)
    return 0


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a session on this machine."""
    parser.add_argument("--cores", type=int, help="run on this machine, on so many cores")
    parser.add_argument("--memory", default="4g", help="the heap on this machine (default: %(default)s)")
    parser.add_argument("--folder", help="a folder for temporary files on this machine")


@contextmanager
def spark_session(given: argparse.Namespace) -> Iterator[SparkSession]:
    """Spark, until the end of the block."""
    report(doing="starting Spark")
    spark = session.start(cores=given.cores, memory=given.memory, folder=given.folder)
    try:
        yield spark
    finally:
        with suppress(Py4JError, OSError):  # after an interruption, Java may have ended already
            spark.stop()


def report(**message: str) -> None:
    """Write a message."""
    print(json.dumps(message), flush=True)  # noqa: T201 -- the job's output
