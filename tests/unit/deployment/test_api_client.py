"""The authorised client of a stack's API: which authorisation it uses."""

from unittest.mock import patch

import httpx
import pytest
from botocore.credentials import Credentials

from local_stack.errors import CommandError
from ops.deployment.api_client import TOKEN_VARIABLE, api_client
from ops.deployment.stack import Deployment, Outputs

ON_AWS = Deployment(Outputs({"ApiUrl": "https://a1b2.execute-api.eu-central-1.amazonaws.com"}))
KEYS = Credentials("AKIAIOSFODNN7EXAMPLE", "secret", "session-token")


def sent_by(client: httpx.Client) -> httpx.Request:
    """A request with the authorisation that the client would add."""
    request = client.build_request("GET", "/accounts/a/statement", params={"from": "2026-01-01"})
    assert client.auth is not None
    return next(client.auth.sync_auth_flow(request))


def test_requests_to_aws_are_signed_with_your_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    with patch("boto3.Session") as session:
        session.return_value.get_credentials.return_value = KEYS
        request = sent_by(api_client(ON_AWS))
    assert request.url.host == "a1b2.execute-api.eu-central-1.amazonaws.com"
    assert "/eu-central-1/execute-api/aws4_request" in request.headers["Authorization"]
    assert request.headers["X-Amz-Security-Token"] == "session-token"


def test_a_token_takes_the_place_of_a_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, "abc")
    request = sent_by(api_client(ON_AWS))
    assert request.headers["Authorization"] == "Bearer abc"
    assert "X-Amz-Date" not in request.headers


def test_without_credentials_it_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    with patch("boto3.Session") as session:
        session.return_value.get_credentials.return_value = None
        with pytest.raises(CommandError, match="AWS_PROFILE"):
            api_client(ON_AWS)
