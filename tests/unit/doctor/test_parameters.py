"""A stack whose optional parameters are set: what they add is compared as well, and a healthy one has no finding."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.aws_cli import run_aws
from tests.support.aws_stack import AwsStack
from tests.unit.doctor.examined import Doctor, found, kinds

KEY = "arn:aws:kms:eu-central-1:123456789012:key/2b1d0c0a-1111-2222-3333-444455556666"
JWT = {"Auth": "JWT", "JwtIssuer": "https://issuer.example", "JwtAudience": "accounts"}


@pytest.fixture(scope="module")
def with_key(tmp_path_factory: pytest.TempPathFactory) -> AwsStack:
    return AwsStack(tmp_path_factory.mktemp("lake"), parameters={"KmsKeyArn": KEY})


@pytest.mark.parametrize(
    "parameters",
    [
        {"KmsKeyArn": KEY},
        JWT,
        {"ApiReservedConcurrency": "50", "BackupLockGraceDays": "3", "BackupRetentionDays": "90"},
        {"Aggregation": "off", "Buckets": "8", "EventRetentionHours": "168", "LakeBufferSeconds": "60"},
    ],
)
def test_a_healthy_stack_with_parameters_has_no_finding(
    tmp_path: Path, doctor: Doctor, monkeypatch: pytest.MonkeyPatch, parameters: dict[str, str]
) -> None:
    stack = AwsStack(tmp_path, parameters=parameters)
    function = stack._lambda_get_function  # noqa: SLF001 -- replaced by a test

    def reserved(FunctionName: str) -> Any:  # noqa: ANN401, N803 -- as in the API
        limit = stack.properties[stack.named(FunctionName)].get("ReservedConcurrentExecutions")
        concurrency = {"ReservedConcurrentExecutions": int(limit)} if limit else {}
        return function(FunctionName) | {"Concurrency": concurrency}

    monkeypatch.setattr(stack, "_lambda_get_function", reserved, raising=False)
    assert found(doctor(stack)) == []


def test_a_role_that_may_not_use_the_key_is_a_finding(
    with_key: AwsStack, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The permissions for the key are in policies of their own, each for several roles."""

    def simulated(ActionNames: list[str], **_: object) -> Any:  # noqa: ANN401, N803 -- as in the API
        decisions = {each: "implicitDeny" if each == "kms:GenerateDataKey" else "allowed" for each in ActionNames}
        return {"EvaluationResults": [{"EvalActionName": k, "EvalDecision": v} for k, v in decisions.items()]}

    monkeypatch.setattr(with_key, "_iam_simulate_principal_policy", simulated)
    findings = found(doctor(with_key))
    assert {each["kind"] for each in findings} == {"permission-missing"}
    assert len({each["where"] for each in findings}) > 5
    for each in findings:
        assert f"kms:GenerateDataKey on {KEY}" in each["what"]
        run_aws(each["repair"], with_key.client)


def test_what_is_encrypted_with_another_key_is_a_finding(
    with_key: AwsStack, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a table that was restored without the key."""
    monkeypatch.setitem(with_key.parameters, "KmsKeyArn", "")
    stack = with_key._cloudformation_describe_stacks  # noqa: SLF001 -- replaced by a test

    def described(**asked: str) -> Any:  # noqa: ANN401 -- an answer
        answer = stack(**asked)
        for each in answer["Stacks"][0]["Parameters"]:
            each["ParameterValue"] = KEY if each["ParameterKey"] == "KmsKeyArn" else each["ParameterValue"]
        return answer

    monkeypatch.setattr(with_key, "_cloudformation_describe_stacks", described)
    findings = found(doctor(with_key))
    assert {each["kind"] for each in findings} == {"table-settings-differ", "event-stream-settings-differ"}
    for each in findings:
        assert KEY in each["repair"]
        run_aws(each["repair"], with_key.client)


def test_tokens_of_another_issuer_are_a_finding(
    tmp_path: Path, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = AwsStack(tmp_path, parameters=JWT)
    other = {"JwtConfiguration": {"Issuer": "https://other.example", "Audience": ["accounts"]}}
    monkeypatch.setattr(stack, "_apigatewayv2_get_authorizer", lambda **_: other)
    [finding] = found(doctor(stack))
    assert (finding["kind"], finding["where"]) == ("api-route-differs", "HttpApiAuthorizer")
    run_aws(finding["repair"], stack.client)


@pytest.mark.parametrize(
    ("hours", "states", "expected"),
    [
        (29, (), []),
        (31, (), ["backup-missing"]),
        (31, ("CREATING",), ["backup-missing"]),
        (31, ("EXPIRED", "COMPLETED"), []),
    ],
)
def test_a_vault_without_a_backup_of_the_last_day_is_a_finding(
    tmp_path: Path, doctor: Doctor, hours: int, states: tuple[str, ...], expected: list[str]
) -> None:
    stack = AwsStack(tmp_path, age=timedelta(hours=hours))
    stack.backups = states
    assert kinds(doctor(stack)) == expected
