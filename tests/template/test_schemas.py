"""The template registers every published schema unchanged and passes their ids to the projector."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from account_events.avro.codec import CONTRACT
from account_events.avro.contract import parse
from account_events.avro.encoder import ENCODERS
from projector.settings import encoders_of

ROOT = Path(__file__).parents[2]
TEMPLATE: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text())
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
HISTORY = sorted(
    (path.parent.name, int(path.stem), path.read_text()) for path in (ROOT / "schemas" / "history").glob("*/*.avsc")
)
DEFINITION_BYTES_MAX = 170_000  # docs.aws.amazon.com/glue/latest/webapi/API_RegisterSchemaVersion.html
NAME = re.compile(r"[a-zA-Z0-9-_$#.]{1,255}")
ENVIRONMENT_BYTES_MAX = 4096  # docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html, all variables together
KEPT = {"Condition": "OnAws", "DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}
VERSION_ID = "b7b4a7f0-9c96-4e4a-a687-fb5de9ef0c63"


def logical_id(name: str, version: int) -> str:
    return f"{name}Schema" if version == 1 else f"{name}Schema{version}"


def version_id_of(name: str, version: int) -> str:
    """Return the expression in CloudFormation's Sub for the id that the registry creates."""
    return f"${{{logical_id(name, version)}.{'InitialSchemaVersionId' if version == 1 else 'VersionId'}}}"


def listed() -> str:
    """Return the text of the projector's variable SCHEMA_VERSIONS, with expressions instead of ids."""
    variables = RESOURCES["ProjectorFunction"]["Properties"]["Environment"]["Variables"]
    _, on_aws, locally = variables["SCHEMA_VERSIONS"]["Fn::If"]
    assert locally == ""
    text: str = on_aws["Fn::Sub"]
    return text


@pytest.mark.parametrize(("name", "version", "source"), HISTORY)
def test_every_published_schema_is_registered_unchanged(name: str, version: int, source: str) -> None:
    resource = RESOURCES.get(logical_id(name, version))
    assert resource is not None, f"template.yaml: add {logical_id(name, version)}, an AWS::Glue::SchemaVersion"
    # Even if the working schema has better docs: another text would replace the resource and change its id.
    definition = resource["Properties"]["SchemaDefinition"]
    assert json.loads(definition) == json.loads(source)
    assert len(definition.encode()) <= DEFINITION_BYTES_MAX


def test_no_other_schema_is_registered() -> None:
    found = {name for name, resource in RESOURCES.items() if resource["Type"].startswith("AWS::Glue::Schema")}
    assert found == {logical_id(name, version) for name, version, _ in HISTORY}


@pytest.mark.parametrize(("name", "version", "_"), HISTORY)
def test_versions_are_registered_in_order_and_retained(name: str, version: int, _: str) -> None:
    resource = RESOURCES[logical_id(name, version)]
    assert KEPT.items() <= resource.items()
    properties = resource["Properties"]
    if version == 1:
        assert resource["Type"] == "AWS::Glue::Schema"
        assert (properties["Name"], properties["DataFormat"], properties["Compatibility"]) == (name, "AVRO", "FULL_ALL")
        assert NAME.fullmatch(name)
        assert properties["Registry"] == {"Arn": {"Fn::GetAtt": ["EventSchemas", "Arn"]}}
        return
    assert resource["Type"] == "AWS::Glue::SchemaVersion"
    assert properties["Schema"] == {"SchemaArn": {"Fn::GetAtt": [logical_id(name, 1), "Arn"]}}
    if version > 2:  # the second depends on the first through its ARN
        assert resource["DependsOn"] == logical_id(name, version - 1), "otherwise it could be registered first"


def test_the_registry_is_retained_and_has_a_unique_name() -> None:
    registry = RESOURCES["EventSchemas"]
    assert KEPT.items() <= registry.items()
    separator, parts = registry["Properties"]["Name"]["Fn::Join"]
    stack_id = "arn:aws:cloudformation:eu-central-1:123456789012:stack/bank/0d9c2c5e-6b1f-4d5e-9d5c-3f6f0f8a7b11"
    name = separator.join(str(resolved(part, {"AWS::StackName": "bank", "AWS::StackId": stack_id})) for part in parts)
    assert name == "bank-3f6f0f8a7b11"
    assert NAME.fullmatch(name)


def resolved(value: Any, parameters: dict[str, str]) -> Any:  # noqa: ANN401 -- any value of the template
    """Resolve the functions in the name as CloudFormation does."""
    match value:
        case {"Ref": name}:
            return parameters[name]
        case {"Fn::Select": [index, choices]}:
            return resolved(choices, parameters)[int(index)]
        case {"Fn::Split": [separator, text]}:
            return resolved(text, parameters).split(separator)
    return value


def test_the_projector_has_every_version_id_by_fingerprint() -> None:
    # Versions with the same fingerprint have the same bytes, so the id of the first one is used.
    first_of: dict[str, tuple[str, int]] = {}
    for name, version, source in HISTORY:
        first_of.setdefault(parse(source).fingerprint.hex(), (name, version))
    assert json.loads(listed()) == {fingerprint: version_id_of(*first) for fingerprint, first in first_of.items()}
    assert set(first_of) == {fingerprint.hex() for fingerprint in CONTRACT.known}


def test_the_projector_starts_with_its_environment() -> None:
    encoders = encoders_of("glue", re.sub(r"\$\{\w+\.\w+\}", VERSION_ID, listed()))
    assert encoders.keys() == ENCODERS.keys()


def test_the_ids_fit_the_environments_size_limit() -> None:
    assert len(re.sub(r"\$\{\w+\.\w+\}", VERSION_ID, listed()).encode()) < ENVIRONMENT_BYTES_MAX / 2


def test_the_outputs_equal_the_projectors_settings() -> None:
    outputs = TEMPLATE["Outputs"]
    assert outputs["SchemaVersions"]["Value"]["Fn::Sub"] == listed()
    assert outputs["SchemaVersions"]["Condition"] == outputs["SchemaRegistryArn"]["Condition"] == "OnAws"
    variables = RESOURCES["ProjectorFunction"]["Properties"]["Environment"]["Variables"]
    assert outputs["Framing"]["Value"] == variables["FRAMING"] == {"Ref": "Framing"}


def test_each_framing_is_known_and_the_default_needs_no_registry() -> None:
    framing = TEMPLATE["Parameters"]["Framing"]
    assert framing["Default"] == "single-object"
    versions = re.sub(r"\$\{\w+\.\w+\}", VERSION_ID, listed())
    assert all(encoders_of(value, versions) for value in framing["AllowedValues"])
    assert encoders_of(framing["Default"], "") is ENCODERS
    [assertion] = TEMPLATE["Rules"]["GlueFramingIsForAws"]["Assertions"]
    assert assertion["Assert"] == {"Fn::Equals": [{"Ref": "Target"}, "aws"]}
