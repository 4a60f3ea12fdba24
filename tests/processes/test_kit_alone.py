"""The kit can be had without the rest and without AWS: with what the project declares to depend on, and no more."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
ALONE = """
import sys
sys.path[:0] = [ROOT]
OWN = {"account_events"}

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] not in sys.stdlib_module_names | OWN | DECLARED:
            raise ImportError(f"the kit wants {name}")

sys.meta_path.insert(0, Refuse())
from account_events.consumer import Consumer, Inbox, KinesisRecord, MemoryInbox

seen = []
inbox = Inbox(MemoryInbox(), lambda events: seen.extend(type(event).__name__ for event in events))
outcome = Consumer(inbox).receive([KinesisRecord("1", bytes.fromhex(DATA))], 0.0)
assert not outcome.failures, outcome
assert {"fastavro", "google"} <= set(sys.modules)
print(*seen)
"""


def test_the_kit_works_without_the_rest_of_this_project_and_without_aws() -> None:
    data = (ROOT / "tests/golden/avro/AccountCreated.2.hex").read_text().split()
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {re.split("[<>=]", each)[0] for each in declared}
    assert names == {"fastavro", "protobuf"}
    code = f"DECLARED = {names - {'protobuf'} | {'google'}}\nROOT = {str(ROOT)!r}\nDATA = {''.join(data)!r}\n{ALONE}"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60)  # noqa: S603
    assert (done.stdout, done.stderr) == ("AccountCreated\n", "")


def test_type_checkers_are_told_of_its_types() -> None:
    assert (ROOT / "account_events" / "py.typed").is_file()
