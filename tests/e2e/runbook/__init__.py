"""Exercises each entry of docs/runbook.md on the local stack: `scenarios` describes how."""

import pytest

MODULES = ("api", "deployment", "finding", "lake", "lake_error", "projector", "read_model", "table", "totals")
pytest.register_assert_rewrite("tests.e2e.runbook.on_call", *(f"tests.e2e.runbook.{each}_entries" for each in MODULES))
