"""No function logs its requests to AWS, also if somebody sets the function's log level to DEBUG in Lambda.

Lambda then gives this level to Python's root logger, and botocore would log every request with its content and
signature.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local_stack.build import PACKAGES
from tests.support.template_stack import Stack

ROOT = Path(__file__).parents[2]
STACK = Stack("some-stack")
AMOUNT = "918273645546.37"
REQUEST = f"""
import importlib, logging, sys
logging.basicConfig(level=logging.DEBUG)
for name in sys.argv[1:]:
    importlib.import_module(name)
import botocore.config, botocore.session
config = botocore.config.Config(retries={{"total_max_attempts": 1}})
client = botocore.session.get_session().create_client("dynamodb", endpoint_url="http://127.0.0.1:9", config=config)
try:
    client.put_item(TableName="accounts", Item={{"Balance": {{"N": "{AMOUNT}"}}}})
except Exception as error:
    print(type(error).__name__)
"""


def log(function: str, *modules: str) -> str:
    """What a process with the function's variables logs of a request, after it has imported the modules."""
    aws = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "eu-central-1"}
    variables = STACK.variables(function) | {"SCHEMA_VERSIONS": "", "AWS_REGION": "eu-central-1"} | aws
    done = subprocess.run(  # noqa: S603 -- this interpreter, with the test's own arguments
        [sys.executable, "-c", REQUEST, *modules],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["EndpointConnectionError"]
    return done.stderr


@pytest.mark.parametrize("function", PACKAGES)
def test_no_request_to_aws_is_logged_at_the_level_debug(function: str) -> None:
    assert AMOUNT not in log(function, STACK.properties(function)["Handler"].rpartition(".")[0])


def test_botocore_itself_logs_requests_at_the_level_debug() -> None:
    assert AMOUNT in log("ApiFunction")
