"""The Spark jobs that reconcile the lake with an export and compact its months; they run locally and on AWS Glue.

`job` and `compaction_job` are the entry points, `local_job` runs them on this machine. docs/adr/0021 and 0023 have the
reasons. Glue adds a zip of the modules to `sys.path`. Schemas and SQL cannot be read there, so the zip is unpacked
first.
"""

import sys
import tempfile
import zipfile

if archive := getattr(__spec__.loader, "archive", None):
    unpacked = tempfile.mkdtemp(prefix="account-events-")
    zipfile.ZipFile(archive).extractall(unpacked)
    sys.path.insert(0, unpacked)
