"""What `make bench` runs can be imported: some modules check their baselines when they are imported."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_baseline_of_make_bench_has_the_results_of_ours() -> None:
    found = subprocess.run(
        [sys.executable, "-c", "import benchmarks.__main__"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stderr) == (0, "")
