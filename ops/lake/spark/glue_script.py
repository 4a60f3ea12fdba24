"""The script of the Glue job, which `account-events lake job` uploads. The job ignores the options that Glue adds.

Glue shows the message of the error that ends a script, and takes the end without an error for success. So this script
calls `run` and not `exit_code`, which returns a number.
"""

import sys

if __name__ == "__main__":
    if "--compaction" in sys.argv:  # imported only then, so that a reconciliation does not depend on pyarrow
        from ops.lake.spark import compaction_job

        compaction_job.run(compaction_job.parsed(sys.argv[1:]))
    else:
        from ops.lake.spark import job

        job.run(job.parsed(sys.argv[1:]))
