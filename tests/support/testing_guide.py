"""The examples of docs/testing.md, and the files that they read."""

import base64
import gzip
import hashlib
import json
import re
from pathlib import Path

from account_events.testing import TableKey, TableStream

DOCUMENT = (Path(__file__).parents[2] / "docs/testing.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
*FILES, RECORDING = EXAMPLES
BALANCES, FIRST, VARIANTS, WRITES, LATER, ITEMS, CAPTURED, EXPORT = FILES
PASSED = {"first": 1, "variants": 12, "writes": 2, "later": 4, "items": 1, "captured": 1, "export": 1}
"""The number of tests in each example; RECORDING, which needs a table, has none."""


def write(folder: Path) -> None:
    """Write every example to a file, with the files that the examples read."""
    for name, example in zip(("balances", *(f"test_{name}" for name in PASSED)), FILES, strict=True):
        (folder / f"{name}.py").write_text(example, encoding="utf-8")
    capture(folder)
    export(folder)


def orders() -> TableStream:
    items = [
        {"Customer": {"S": customer}, "Placed": {"N": str(placed)}, "Total": {"N": "5"}}
        for placed in range(1, 13)
        for customer in ("ida", "jo", "kim")
    ]
    return TableStream.of_images(items, TableKey("Customer", "Placed"))


def capture(folder: Path) -> None:
    (folder / "captured.json").write_text(json.dumps({"Records": orders().records}))


def export(folder: Path) -> None:
    data = folder / "export/data"
    data.mkdir(parents=True)
    items = [json.dumps({"Item": image}) for image in orders().images()]
    (data / "a.json.gz").write_bytes(content := gzip.compress("\n".join(items).encode()))
    checksum = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
    entry = {"itemCount": len(items), "md5Checksum": checksum, "dataFileS3Key": "AWSDynamoDB/1-2/data/a.json.gz"}
    (data.parent / "manifest-files.json").write_text(json.dumps(entry))
