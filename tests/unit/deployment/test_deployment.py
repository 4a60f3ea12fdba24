"""How commands connect to a stack: by name on AWS, or to the running local stack."""

import os
from pathlib import Path

import boto3
import pytest

from account_events.avro.encoder import ENCODERS
from local_stack.address import Address
from local_stack.emulator import ROOT_ACCESS_KEY_ID
from local_stack.errors import CommandError
from ops.deployment.stack import Deployment, Outputs
from projector.lanes import Pack

OUTPUTS = {"Aggregation": "on", "Buckets": "4", "Framing": "single-object"}
ADDRESS = Address("http://127.0.0.1:9", os.getpid(), OUTPUTS, None, None)


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set fake credentials, and restore the environment that a command changes."""
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # another test's session has that test's credentials
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "fake-id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "fake-secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")


@pytest.fixture
def on_aws(monkeypatch: pytest.MonkeyPatch) -> Deployment:
    monkeypatch.setattr("ops.deployment.stack.outputs_of", {"bank": OUTPUTS}.__getitem__)
    return Deployment.connect("bank")


def test_a_stack_on_aws_is_reached_with_the_callers_settings(on_aws: Deployment) -> None:
    client = on_aws.client("dynamodb")
    assert not on_aws.is_local
    assert client.meta.endpoint_url == "https://dynamodb.eu-west-1.amazonaws.com"
    assert client._request_signer._credentials.access_key == "fake-id"  # noqa: SLF001 -- there is no public attribute


def test_the_local_stack_is_reached_without_any_aws_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("local_stack.address.ADDRESS_FILE", tmp_path / "address.json")
    monkeypatch.setattr("local_stack.address.answers", lambda url: url == ADDRESS.endpoint_url)
    with ADDRESS.published():
        local = Deployment.connect(None)
    client = local.client("dynamodb")
    assert local.is_local
    assert client.meta.endpoint_url == ADDRESS.endpoint_url
    assert client._request_signer._credentials.access_key == ROOT_ACCESS_KEY_ID  # noqa: SLF001 -- there is no public attribute
    assert "AWS_ACCESS_KEY_ID" not in os.environ


def test_without_a_local_stack_the_error_names_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("local_stack.address.ADDRESS_FILE", tmp_path / "address.json")
    with pytest.raises(CommandError, match="make up"):
        Deployment.connect(None)


def test_without_credentials_the_error_names_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(CommandError, match="AWS_PROFILE"):
        Deployment.connect("bank")


@pytest.mark.parametrize("address", [None, ADDRESS], ids=["on AWS", "local"])
def test_every_client_retries_except_the_publishers(address: Address | None) -> None:
    deployment = Deployment(Outputs(OUTPUTS), address)
    assert deployment.client("kinesis").meta.config.retries["total_max_attempts"] > 1
    assert deployment.kinesis().meta.config.retries["total_max_attempts"] == 1


@pytest.mark.parametrize("address", [None, ADDRESS], ids=["on AWS", "local"])
def test_the_read_timeout_can_be_extended(address: Address | None) -> None:
    deployment = Deployment(Outputs(OUTPUTS), address)
    assert deployment.client("lambda", 70.0).meta.config.read_timeout == 70.0
    assert deployment.client("lambda").meta.config.read_timeout == 20.0


def test_events_are_written_as_the_stacks_projector_writes_them() -> None:
    deployment = Deployment(Outputs(OUTPUTS))
    assert deployment.encoders() is ENCODERS
    assert _aggregates(deployment.pack())
    assert not _aggregates(Deployment(Outputs({**OUTPUTS, "Aggregation": "off"})).pack())


def test_an_output_missing_from_an_older_template_is_named() -> None:
    with pytest.raises(CommandError, match="no output Framing: deploy this version's"):
        Deployment(Outputs({})).encoders()


def _aggregates(pack: Pack) -> bool:
    return "aggregated" in getattr(pack, "__qualname__", "")
