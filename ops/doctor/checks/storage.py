"""Buckets and log groups: private, and what is in them is kept for as long as the template states."""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from ops.doctor.deleted import deleted, found
from ops.doctor.finding import Finding, Kind, quoted
from ops.doctor.stack_view import StackView

RETENTION_DIFFERS = Kind(
    "log-retention-differs", "Logs are kept for another time than LogRetentionDays.", "undo-a-change-made-by-hand"
)
FILTER_DIFFERS = Kind("metric-filter-differs", "An alarm has no data and never fires.", "undo-a-change-made-by-hand")
SETTINGS_DIFFER = Kind(
    "bucket-settings-differ",
    "Amounts and owners may become public, or objects are deleted too early or never.",
    "bucket-settings-differ",
)
NOT_SET = {"NoSuchPublicAccessBlockConfiguration", "NoSuchBucketPolicy", "NoSuchLifecycleConfiguration"}
"""Error codes of S3 for settings that a bucket does not have."""


def check(view: StackView) -> Iterator[Finding]:
    """Checks each log group and bucket. Encryption is not checked: S3 always encrypts, and nobody can switch it off."""
    for name in view.of_type("AWS::Logs::LogGroup"):
        yield from _log_group(view, name)
    for name in view.of_type("AWS::Logs::MetricFilter"):
        yield from _metric_filter(view, name)
    for name in view.of_type("AWS::S3::Bucket"):
        yield from _bucket(view, name)
    for name in view.of_type("AWS::S3::BucketPolicy"):
        yield from _policy(view, name)


def _log_group(view: StackView, name: str) -> Iterator[Finding]:
    group, expected = view.physical_ids[name], int(view.properties(name)["RetentionInDays"])
    # In the order of their names, so that the group itself is the first one with this prefix.
    listed = view.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    described = next((each for each in listed if each["logGroupName"] == group), None)
    if described is None:
        yield deleted(view, name)
    elif (days := described.get("retentionInDays")) != expected:
        what = (
            f"{name} keeps logs {f'for {days} days' if days else 'for ever'}; in the template, it is {expected} days."
        )
        repair = f"aws logs put-retention-policy --log-group-name {group} --retention-in-days {expected}"
        yield RETENTION_DIFFERS.at(name, what, repair)


def _metric_filter(view: StackView, name: str) -> Iterator[Finding]:
    expected = view.properties(name)
    group, named = expected["LogGroupName"], expected["FilterName"]
    request = partial(view.client("logs").describe_metric_filters, logGroupName=group, filterNamePrefix=named)
    listed = (found(request) or {}).get("metricFilters", ())
    if not any((each["filterName"], each["filterPattern"]) == (named, expected["FilterPattern"]) for each in listed):
        what = f"{group} has no metric filter {named} as in the template."
        made = [{key[0].lower() + key[1:]: value for key, value in each.items()} for each in _transformations(expected)]
        repair = f"aws logs put-metric-filter --log-group-name {group} --filter-name {named}"
        repair += f" --filter-pattern {quoted(expected['FilterPattern'])} --metric-transformations {quoted(made)}"
        yield FILTER_DIFFERS.at(name, what, repair)


def _transformations(expected: Mapping[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = expected["MetricTransformations"]
    return found


def _bucket(view: StackView, name: str) -> Iterator[Finding]:
    s3, bucket, expected = view.lake.s3, view.physical_ids[name], view.properties(name)
    answer = found(partial(_setting, partial(s3.get_public_access_block, Bucket=bucket)))
    if answer is None:
        yield deleted(view, name)
        return
    blocked, block = answer.get("PublicAccessBlockConfiguration", {}), expected["PublicAccessBlockConfiguration"]
    if open_ways := sorted(each for each in block if not blocked.get(each)):
        repair = f"aws s3api put-public-access-block --bucket {bucket}"
        repair += f" --public-access-block-configuration {quoted(block)}"
        yield SETTINGS_DIFFER.at(name, f"{name} does not have {', '.join(open_ways)}.", repair)
    if "VersioningConfiguration" in expected and s3.get_bucket_versioning(Bucket=bucket).get("Status") != "Enabled":
        repair = f"aws s3api put-bucket-versioning --bucket {bucket} --versioning-configuration Status=Enabled"
        yield SETTINGS_DIFFER.at(name, f"{name} does not keep earlier versions of its objects.", repair)
    if not view.is_local:  # the emulator's CloudFormation ignores it
        yield from _lifecycle(view, name, expected["LifecycleConfiguration"]["Rules"])


def _lifecycle(view: StackView, name: str, expected: list[dict[str, Any]]) -> Iterator[Finding]:
    """Compares when objects are deleted, not how S3 writes the rules."""
    bucket = view.physical_ids[name]
    answer = _setting(partial(view.lake.s3.get_bucket_lifecycle_configuration, Bucket=bucket))
    deployed = {each["ID"]: _deletions(each) for each in answer.get("Rules", ()) if each["Status"] == "Enabled"}
    rules = [_in_api(each) for each in expected]
    if deployed != {each["ID"]: _deletions(each) for each in rules}:
        repair = f"aws s3api put-bucket-lifecycle-configuration --bucket {bucket}"
        repair += f" --lifecycle-configuration {quoted({'Rules': rules})}"
        yield SETTINGS_DIFFER.at(name, f"{name} does not delete objects as in the template.", repair)


def _deletions(rule: Mapping[str, Any]) -> tuple[str, object, object]:
    """The prefix of a lifecycle rule, and the days after which objects and earlier versions are deleted."""
    return (
        rule.get("Prefix") or rule.get("Filter", {}).get("Prefix", ""),
        rule.get("Expiration", {}).get("Days"),
        rule.get("NoncurrentVersionExpiration", {}).get("NoncurrentDays"),
    )


def _in_api(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A lifecycle rule of the template in the form of S3's API."""
    made: dict[str, Any] = {
        "ID": rule["Id"],
        "Status": rule["Status"],
        "Filter": {"Prefix": rule.get("Prefix", "")},
    }
    if days := rule.get("ExpirationInDays"):
        made["Expiration"] = {"Days": int(days)}
    if transitions := rule.get("Transitions"):
        made["Transitions"] = [
            {"Days": each["TransitionInDays"], "StorageClass": each["StorageClass"]} for each in transitions
        ]
    same = ("NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload")
    return made | {each: rule[each] for each in same if each in rule}


def _policy(view: StackView, name: str) -> Iterator[Finding]:
    expected = view.properties(name)
    bucket, document = expected["Bucket"], expected["PolicyDocument"]
    answer = found(partial(_setting, partial(view.lake.s3.get_bucket_policy, Bucket=bucket)))
    if answer is None:
        return  # the check of the bucket reports it
    statements = json.loads(answer.get("Policy", '{"Statement": []}'))["Statement"]
    deployed = {(each["Effect"], each.get("Sid")) for each in statements}
    if lacking := [each["Sid"] for each in document["Statement"] if (each["Effect"], each["Sid"]) not in deployed]:
        repair = f"aws s3api put-bucket-policy --bucket {bucket} --policy {quoted(document)}"
        yield SETTINGS_DIFFER.at(name, f"The policy of {bucket} lacks {', '.join(lacking)}.", repair)


def _setting(request: Callable[[], Any]) -> Any:  # noqa: ANN401 -- any response
    """The response; an empty one if the bucket does not have the setting."""
    return found(request, NOT_SET) or {}
