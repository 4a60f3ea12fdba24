"""`python -m tests.fuzz --inputs 1000000` checks batches of random bytes; a failure prints the bytes that repeat it.

Exit codes: 0, every check passed; 1, a check failed; 130, interrupted.
"""

import argparse
import secrets
import sys
from collections import Counter
from random import Random

from rich.console import Console

from tests.fuzz.batches import check
from tests.support.seeds import FRESH_BITS

PROGRESS_EVERY = 50_000
BYTES_MAX = 60
out, err = (Console(stderr=stderr, markup=False, highlight=False, soft_wrap=True) for stderr in (False, True))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=100_000, help="number of inputs (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="seed of the bytes (default: a fresh one)")
    parser.add_argument("--bytes", help="a single input in hexadecimal, as printed by a failure")
    given = parser.parse_args()
    if given.bytes is not None:
        out.print(check(bytes.fromhex(given.bytes)))
        return 0
    seed = secrets.randbits(FRESH_BITS) if given.seed is None else given.seed
    out.print(f"seed {seed}; repeat: make fuzz INPUTS={given.inputs} SEED={seed}")
    random, outcomes = Random(seed), Counter[str]()  # noqa: S311 -- seeded
    for number in range(1, given.inputs + 1):
        data = random.randbytes(random.randrange(BYTES_MAX + 1))
        try:
            outcomes[check(data)] += 1
        except Exception as error:  # noqa: BLE001 -- every error is a finding
            err.print(f"{type(error).__name__}: {error}\npython -m tests.fuzz --bytes {data.hex()}")
            return 1
        if number % PROGRESS_EVERY == 0 or number == given.inputs:
            out.print(f"{number:,} of {given.inputs:,}: {dict(outcomes)}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
