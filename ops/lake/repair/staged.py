"""Writes files to the lake: first under a prefix that no query reads, and to their partitions once all are verified.

A failure before the last file is verified leaves nothing that a query reads. A failure while files are copied leaves
some of them, each whole and verified; a repetition of the work writes the others. Names are digests of the content, so
a file that is copied twice is one file.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from io import BytesIO
from typing import Protocol, Self

import pyarrow as pa
import pyarrow.parquet as pq

from local_stack.errors import CommandError

STAGING_PREFIX = "staging/"


class NotAsWritten(CommandError):
    """A staged file is not what was written. Nothing was copied to the lake."""


class Bucket(Protocol):
    """The lake's bucket."""

    def get(self, key: str) -> bytes | None: ...

    def put(self, key: str, body: bytes) -> object: ...

    def copy(self, key: str, to: str) -> object: ...

    def delete(self, key: str) -> object: ...


@dataclass(slots=True)
class StagedFiles:
    """The files of one run. Call `stage` for each, then `publish`; use it as a context manager, which cleans up.

    Attributes:
        run: names the run's files in the staging prefix; no other run may have it.
        schema: the columns and types that every file must have.
    """

    bucket: Bucket
    run: str
    schema: pa.Schema
    _rows: dict[str, int] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for key in self._rows:
            self.bucket.delete(self._staged(key))

    def stage(self, key: str, body: bytes, rows: int) -> None:
        """Writes a file under the staging prefix and verifies what was stored, with all its values.

        Args:
            key: the key that it will have in the lake.
            body: a Parquet file.
            rows: the number of its rows.

        Raises:
            NotAsWritten: what was stored is not the file, or the file has other rows, columns or types.
        """
        self._rows[key] = rows
        self.bucket.put(self._staged(key), body)
        stored = self.bucket.get(self._staged(key))
        if stored is None or sha256(stored).digest() != sha256(body).digest():
            raise NotAsWritten(f"{self._staged(key)} is not what was written: run the command again.")
        self._check(key, stored)

    def publish(self) -> Iterator[tuple[str, int]]:
        """Copies every file to the lake; yields each file's key and its number of rows."""
        for key, rows in self._rows.items():
            self.bucket.copy(self._staged(key), key)
            yield key, rows

    def _check(self, key: str, stored: bytes) -> None:
        try:
            table = pq.read_table(BytesIO(stored))
        except (pa.ArrowException, OSError) as error:
            raise NotAsWritten(f"{self._staged(key)} is not a Parquet file: {error}. Report this error.") from error
        if table.num_rows != self._rows[key] or not table.schema.equals(self.schema):
            raise NotAsWritten(
                f"{self._staged(key)} has {table.num_rows} rows instead of {self._rows[key]}, or other columns. Report "
                "this error."
            )

    def _staged(self, key: str) -> str:
        return f"{STAGING_PREFIX}{self.run}/{key}"
