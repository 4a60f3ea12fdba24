"""Exercises each entry of docs/runbook.md on the local stack: `scenarios` describes how."""
