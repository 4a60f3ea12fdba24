"""The answers of S3 about a stack's buckets. Only the lake's bucket has objects.

Source: the API reference of Amazon S3. The values are those of template.yaml, in the form of the API.
"""
# ruff: noqa: N803, ARG002, ANN401 -- the parameters and answers are those of the API

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from ops.lake.spark.job_code import DIGEST
from tests.support.lake import put


class Refused(Exception):
    """The answer is this error code."""


class S3Answers:
    """The answers, from the stack that a subclass builds.

    Attributes:
        root: a folder with the lake's files.
        template: in its long form.
        names: the physical ids by logical id.
        properties: the resources' properties, without CloudFormation's functions.
    """

    root: Path
    template: Mapping[str, Any]
    names: dict[str, str]
    properties: dict[str, dict[str, Any]]

    def of(self, *kinds: str) -> list[str]:
        """The logical ids of the resources of these types."""
        resources = self.template["Resources"]
        return [name for name in resources if name in self.names and resources[name]["Type"] in kinds]

    def named(self, physical_id: str) -> str:
        """The logical id of a resource."""
        return next(name for name, each in self.names.items() if each == physical_id)

    def _s3_list_objects_v2(self, Bucket: str, Prefix: str = "", Delimiter: str = "", **_: Any) -> Any:
        paths = sorted(path for path in self.root.rglob("*") if path.is_file()) if Bucket == self.names["Lake"] else []
        found: list[dict[str, Any]] = [
            {
                "Key": key,
                "Size": path.stat().st_size,
                "ETag": hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest(),
                "LastModified": datetime.fromtimestamp(path.stat().st_mtime, UTC),
            }
            for path in paths
            if (key := str(path.relative_to(self.root))).startswith(Prefix)
        ]
        if Delimiter:
            folders = sorted({each["Key"].removeprefix(Prefix).partition("/")[0] for each in found})
            return {"IsTruncated": False, "CommonPrefixes": [{"Prefix": f"{Prefix}{each}/"} for each in folders]}
        return {"IsTruncated": False, "KeyCount": len(found), **({"Contents": found} if found else {})}

    def _s3_get_object(self, Bucket: str, Key: str, **_: Any) -> Any:
        path = self.root / Key
        if not path.exists():
            raise Refused("NoSuchKey")
        return {
            "Body": BytesIO(path.read_bytes()),
            "ETag": hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest(),
        }

    def _s3_head_object(self, Bucket: str, Key: str) -> Any:
        """The content of a file of the Glue job's code is its digest."""
        path = self.root / Key
        if not path.exists():
            raise Refused("404")
        metadata = {DIGEST: path.read_text()} if Key.startswith("jobs/") else {}
        return {"LastModified": datetime.fromtimestamp(path.stat().st_mtime, UTC), "Metadata": metadata}

    def _s3_put_object(self, Bucket: str, Key: str, Body: BytesIO, **_: Any) -> Any:
        put(self.root / Key, Body.read())
        return {}

    def _s3_get_public_access_block(self, Bucket: str) -> Any:
        settings = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
        return {"PublicAccessBlockConfiguration": dict.fromkeys(settings, True)}

    def _s3_get_bucket_versioning(self, Bucket: str) -> Any:
        return {"Status": "Enabled"}

    def _s3_get_bucket_lifecycle_configuration(self, Bucket: str) -> Any:
        rules = []
        for rule in self.properties[self.named(Bucket)]["LifecycleConfiguration"]["Rules"]:
            found = {"ID": rule["Id"], "Status": rule["Status"], "Filter": {"Prefix": rule.get("Prefix", "")}}
            if "ExpirationInDays" in rule:
                found["Expiration"] = {"Days": int(rule["ExpirationInDays"])}
            if "NoncurrentVersionExpiration" in rule:
                found["NoncurrentVersionExpiration"] = rule["NoncurrentVersionExpiration"]
            rules.append(found)
        return {"Rules": rules}

    def _s3_get_bucket_policy(self, Bucket: str) -> Any:
        name = next(each for each in self.of("AWS::S3::BucketPolicy") if self.properties[each]["Bucket"] == Bucket)
        return {"Policy": json.dumps(self.properties[name]["PolicyDocument"])}
