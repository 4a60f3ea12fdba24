"""Who is calling, and whose accounts exist for the caller. Pure.

Requests are authenticated by API Gateway before they come here; what it found out comes in the request's context
(docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html). With IAM, whoever may
invoke the API is trusted with all of it. With JWT, the token's subject owns the accounts it creates, and no others
exist for it; a scope makes an operator, for whom all do.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from account_core.api.requests import OWNER
from account_core.domain.errors import InvalidRequest

Authorisation = Literal["IAM", "JWT"]
NAME_OF_OPERATOR = r"[\x21-\x7e]{1,128}"
"""Operators need own no accounts; identity providers name machines like `abc@clients`."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Attributes: `subject` is the token's, None with IAM; `name` is for the log."""

    subject: str | None
    is_operator: bool
    name: str

    @property
    def owner(self) -> str | None:
        """The one owner whose accounts exist for the caller; None: all do."""
        return None if self.is_operator else self.subject

    def command_id(self, key: str | None) -> str | None:
        """What a command with this idempotency key is stored under; no key has a comma.

        An operator's keys are apart from those of the accounts' owners, who could otherwise use them first.
        """
        if key is None or self.subject is None or not self.is_operator:
            return key
        return f"{self.subject},{key}"

    def refuse_owner(self, owner: str, detail: str) -> None:
        """Raises InvalidRequest, with that detail: the owner is not for this caller."""
        if self.owner not in (None, owner):
            raise InvalidRequest(detail, "owner_not_allowed")


def caller_of(authorizer: Mapping[str, Any], authorisation: Authorisation, operator_scope: str) -> Caller:
    """Who calls, as the gateway's authorizer of the kind that this deployment has says.

    Raises:
        InvalidRequest: the request did not come through it, or the token's subject cannot own accounts.
    """
    if authorisation == "IAM" and (iam := authorizer.get("iam")):
        return Caller(None, is_operator=True, name=str(iam.get("userArn")))
    claims = (authorizer.get("jwt") or {}).get("claims") or {}
    if authorisation != "JWT" or not claims.get("sub"):
        raise InvalidRequest("The request was not authenticated.", "unauthenticated")
    subject, scopes = str(claims["sub"]), f"{claims.get('scope', '')} {claims.get('scp', '')}"
    is_operator = operator_scope in re.split(r"[\s\[\]]+", scopes)  # API Gateway writes a list as "[one two]"
    if not re.fullmatch(NAME_OF_OPERATOR if is_operator else OWNER, subject):
        raise InvalidRequest("The token's subject cannot be an owner: see `owner` in docs/api.md.", "owner_not_allowed")
    return Caller(subject, is_operator, name=subject)
