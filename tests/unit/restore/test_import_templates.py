"""The templates of a CloudFormation import, made from the real template."""

import json
from typing import Any

import pytest

from local_stack.deploy import read_template
from ops.restore.import_templates import with_resource, without

TABLE = "AccountsTable"
VALUES = {"": "accounts-1", "Arn": "arn:table/accounts-1", "StreamArn": "arn:table/accounts-1/stream/2"}


def test_nothing_in_the_real_template_refers_to_the_table_any_more() -> None:
    template = read_template()
    assert json.dumps(template).count(TABLE) > 20
    assert TABLE not in json.dumps(without(template, TABLE, VALUES))


def test_the_real_template_differs_only_by_the_table() -> None:
    template = read_template()
    made = without(template, TABLE, VALUES)
    assert {*template["Resources"]} - {*made["Resources"]} == {TABLE}
    mapping = made["Resources"]["ProjectorMapping"]["Properties"]
    assert mapping == {**template["Resources"]["ProjectorMapping"]["Properties"], "EventSourceArn": VALUES["StreamArn"]}
    assert made["Outputs"]["TableName"]["Value"] == "accounts-1"
    assert made["Resources"]["Lake"] == template["Resources"]["Lake"]


def test_the_template_of_the_import_adds_only_the_table() -> None:
    template = read_template()
    made = without(template, TABLE, VALUES)
    imported = with_resource(made, template, TABLE)
    assert imported["Resources"][TABLE] == template["Resources"][TABLE]
    assert imported["Resources"][TABLE]["DeletionPolicy"] == "Retain"
    assert {**imported, "Resources": made["Resources"]} == made


@pytest.mark.parametrize(
    ("node", "replaced"),
    [
        ({"Ref": "T"}, "name"),
        ({"Ref": "T2"}, {"Ref": "T2"}),
        ({"Fn::GetAtt": ["T", "Arn"]}, "arn"),
        ({"Fn::GetAtt": "T.Arn"}, "arn"),
        ({"Fn::GetAtt": ["T2", "Arn"]}, {"Fn::GetAtt": ["T2", "Arn"]}),
        ({"Fn::Sub": "${T.Arn}/index/${Other}"}, {"Fn::Sub": "arn/index/${Other}"}),
        ({"Fn::Sub": ["${T}-${a}", {"a": {"Ref": "T"}}]}, {"Fn::Sub": ["name-${a}", {"a": "name"}]}),
        ({"Type": "X", "DependsOn": "T"}, {"Type": "X"}),
        ({"Type": "X", "DependsOn": ["T", "U"]}, {"Type": "X", "DependsOn": ["U"]}),
        ({"Type": "X", "DependsOn": ["U"]}, {"Type": "X", "DependsOn": ["U"]}),
        ([{"Fn::If": ["C", {"Ref": "T"}, 1]}], [{"Fn::If": ["C", "name", 1]}]),
    ],
)
def test_every_form_of_a_reference_is_replaced(node: Any, replaced: Any) -> None:  # noqa: ANN401 -- JSON
    made = without({"Resources": {"T": {}, "R": node}}, "T", {"": "name", "Arn": "arn"})
    assert made == {"Resources": {"R": replaced}}


def test_a_reference_to_an_unknown_attribute_is_an_error() -> None:
    with pytest.raises(KeyError, match="TableId"):
        without({"Resources": {"T": {}, "R": {"Fn::GetAtt": ["T", "TableId"]}}}, "T", VALUES)
