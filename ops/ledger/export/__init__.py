"""Exports of the ledger's table to S3: makes them, finds them, and verifies them before anything reads them.

`request` makes an export, `location` finds its files in a bucket or a folder, `manifest` has the rules for what is
accepted, and `verified` checks the data files. The user guide is docs/exports.md.
"""
