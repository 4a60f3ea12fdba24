"""`python -m benchmarks.doctor` measures how long `account-events doctor` takes on a stack of 100,000 events.

It starts a local stack and writes the rows to its table. The stack publishes the events, and applies them to the read
model and the lake; this takes several minutes. Then it runs the command, which must not find anything. Rounds are
discarded and repeated as in `benchmarks.reconcile`, and the exit codes are the same.
"""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from statistics import median

from benchmarks.long_accounts import FIRST, ledger
from benchmarks.reconcile import ACCOUNTS, COMMAND, EVENTS, ROUNDS, fill_table, measured, quiet_rounds, report
from local_stack.emulator import forget_aws_settings
from local_stack.local_deployment import LocalDeployment

TARGET_S = 10.0
IDLE_TIMEOUT_S = 1_800.0


def main() -> int:
    forget_aws_settings()
    with LocalDeployment(progress=report, parameters={"LakeFirstDay": f"{FIRST:%Y-%m-%d}"}) as stack:
        report(f"writing {EVENTS:,} events of {ACCOUNTS:,} accounts to the table")
        rows = [row for _ in range(ACCOUNTS) for row in ledger(EVENTS // ACCOUNTS)]
        fill_table(stack.address.client("dynamodb"), stack.address.outputs["TableName"], rows)
        report("waiting until the stack has published, applied and delivered them")
        assert stack.wait_until_idle(IDLE_TIMEOUT_S), stack.mapping.status()  # noqa: S101 -- nothing could be measured
        run(stack, "lake", "totals")
        assert f"{EVENTS} events of {ACCOUNTS} accounts" in run(stack, "reconcile")  # noqa: S101 -- all must agree
        took = quiet_rounds(lambda: measured("account-events doctor", stack.emulator, lambda: run(stack, "doctor")))
    if len(took) < ROUNDS:
        report("no result: other processes used too much of this machine. Run it again when the machine is quiet.")
        return 2
    took_s = median(took)
    is_met = took_s <= TARGET_S
    report(f"{'met' if is_met else 'missed'}: the median of {ROUNDS} is {took_s:.1f} s, the target is {TARGET_S:g} s")
    return 0 if is_met else 1


def run(stack: LocalDeployment, *arguments: str) -> str:
    """Run a command on the stack and return what it prints."""
    with tempfile.TemporaryDirectory() as folder:
        address = Path(folder) / "address.json"
        address.write_text(json.dumps(asdict(stack.address)))
        environment = {**os.environ, "ACCOUNT_EVENTS_LOCAL_STACK": str(address)}
        done = subprocess.run([COMMAND, *arguments], check=False, capture_output=True, text=True, env=environment)  # noqa: S603 -- our own command
    assert done.returncode == 0, done.stderr  # noqa: S101 -- otherwise nothing was measured
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
