"""An authorised client of a stack's accounts API."""

import os

import boto3
import httpx

from local_stack.errors import CommandError
from local_stack.signing import Bearer, Signature
from ops.deployment.stack import READ_TIMEOUT_S, Deployment

TOKEN_VARIABLE = "ACCOUNT_EVENTS_TOKEN"  # noqa: S105 -- a variable's name
"""The environment variable with the bearer token for a stack on AWS whose API uses JWT."""


def api_client(deployment: Deployment) -> httpx.Client:
    """A client that signs its requests with your AWS credentials, or sends the token in ACCOUNT_EVENTS_TOKEN.

    For a local stack, it has the API test user's signature or an operator's token.

    Raises:
        CommandError: there are no AWS credentials.
    """
    if deployment.address is not None:
        return deployment.address.http()
    url = deployment.outputs["ApiUrl"]
    if token := os.environ.get(TOKEN_VARIABLE):
        return httpx.Client(base_url=url, auth=Bearer(token), timeout=READ_TIMEOUT_S)
    session = boto3.Session()
    credentials = session.get_credentials()
    if credentials is None:
        raise CommandError("There are no AWS credentials: set AWS_PROFILE.")
    keys = credentials.get_frozen_credentials()
    region = httpx.URL(url).host.split(".")[2]  # <id>.execute-api.<region>.amazonaws.com
    auth = Signature(str(keys.access_key), str(keys.secret_key), region, keys.token)
    return httpx.Client(base_url=url, auth=auth, timeout=READ_TIMEOUT_S)
