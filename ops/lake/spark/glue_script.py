"""The script of the Glue job, which `account-events lake job` uploads. The job ignores the options that Glue adds.

Glue shows the message of the error that ends a script, and takes the end without an error for success. So this script
calls `run` and not `main`, which returns an exit code.
"""

import sys

from ops.lake.spark.job import parsed, run

if __name__ == "__main__":
    run(parsed(sys.argv[1:]))
