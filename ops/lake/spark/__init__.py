"""The Spark job that reconciles the lake with an export of the ledger; it runs locally and on AWS Glue.

`job` is the entry point, `run` starts it for `account-events reconcile --engine spark`. docs/adr/0021 has the reasons.
Glue adds a zip of the modules to `sys.path`. Schemas and SQL cannot be read there, so the zip is unpacked first.
"""

import sys
import tempfile
import zipfile

if archive := getattr(__spec__.loader, "archive", None):
    unpacked = tempfile.mkdtemp(prefix="account-events-")
    zipfile.ZipFile(archive).extractall(unpacked)
    sys.path.insert(0, unpacked)
