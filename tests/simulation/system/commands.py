"""The commands of a scenario's clients, and every answer to them."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any, Literal, NamedTuple

Kind = Literal["create", "credit", "withdraw", "transfer"]


class Answer(NamedTuple):
    """An answer of the API.

    Attributes:
        code: the problem's code; None if the command was carried out.
        is_repetition: whether the request was sent after another answer had confirmed the command.
        during: the sequences that each of the command's accounts had between request and answer.
    """

    status: int
    body: Mapping[str, Any]
    code: str | None
    is_repetition: bool
    during: Mapping[str, range]

    @property
    def is_applied(self) -> bool:
        return self.code is None

    @property
    def is_final(self) -> bool:
        """Whether the command was carried out or refused: not if the effect is unknown, or if others were faster."""
        return self.status < 500 and self.code != "conflict"


class Sent(NamedTuple):
    """A request of a command.

    Attributes:
        number: among the command's requests, from 1.
        is_alone: whether all earlier requests had ended when it was sent.
        is_repetition: see `Answer`.
        since: the sequence that each of the command's accounts had.
    """

    number: int
    is_alone: bool
    is_repetition: bool
    since: Mapping[str, int]


@dataclass(slots=True, eq=False)
class Command:
    """A command. With a key, clients repeat it until it is answered, and later, and at the same time.

    Attributes:
        account_id: the account that it is sent to; empty for the creation of one.
        to: the receiving account of a transfer.
        correlation_id: of no other command.
        if_match: the value of the header `If-Match`.
        answers: the answers so far, in the order of their arrival.
        sent: how many requests were sent.
        in_progress: how many of them have not ended.
        first_sent_s, last_ended_s: when the first of them was sent, and the last one ended.
        is_settled: whether the clients know if the command was carried out.
    """

    kind: Kind
    account_id: str
    subject: str
    correlation_id: str
    cents: int = 0
    currency: str = ""
    to: str = ""
    key: str | None = None
    if_match: str | None = None
    answers: list[Answer] = field(default_factory=list)
    sent: int = 0
    in_progress: int = 0
    first_sent_s: float = inf
    last_ended_s: float = -inf
    is_settled: bool = False

    @property
    def target(self) -> str:
        return "/accounts" if self.kind == "create" else f"/accounts/{self.account_id}/{self.kind}"

    @property
    def body(self) -> str:
        if self.kind == "create":
            return json.dumps({"owner": self.subject, "currency": self.currency})
        amount = {"amount": f"{self.cents // 100}.{self.cents % 100:02d}"}
        return json.dumps({"to": self.to, **amount} if self.kind == "transfer" else amount)

    @property
    def headers(self) -> dict[str, str]:
        ids = {"X-Correlation-Id": self.correlation_id, "X-Request-Id": f"{self.correlation_id}-{self.sent}"}
        optional = {"Idempotency-Key": self.key, "If-Match": self.if_match}
        return ids | {name: value for name, value in optional.items() if value is not None}

    @property
    def is_open(self) -> bool:
        """Whether the clients must send it again."""
        return self.key is not None and not self.is_settled

    @property
    def applied(self) -> Answer | None:
        """The first answer that confirms the effect."""
        return next((answer for answer in self.answers if answer.is_applied), None)

    def send(self, newest: Callable[[str], int], now_s: float) -> Sent:
        """Another request is sent; `newest` returns the sequence of an account."""
        self.first_sent_s = min(self.first_sent_s, now_s)
        self.sent += 1
        self.in_progress += 1
        since = {account_id: newest(account_id) for account_id in (self.account_id, self.to)}
        return Sent(self.sent, self.in_progress == 1, self.applied is not None, since)

    def lose(self) -> None:
        """A request has ended without an answer."""
        self.in_progress -= 1
        self.is_settled = self.applied is not None

    def take(self, sent: Sent, status: int, body: Mapping[str, Any], newest: Callable[[str], int]) -> Answer:
        """A request is answered. A refusal settles nothing if another request was in progress meanwhile."""
        during = {account_id: range(first, newest(account_id) + 1) for account_id, first in sent.since.items()}
        answer = Answer(status, body, body.get("code"), sent.is_repetition, during)
        self.in_progress -= 1
        self.answers.append(answer)
        is_last = sent.is_alone and sent.number == self.sent
        self.is_settled = self.applied is not None or (answer.is_final and is_last)
        return answer

    def __str__(self) -> str:
        what = f"{self.kind} {self.cents} {self.account_id}->{self.to} key={self.key} by {self.subject}"
        return f"{self.correlation_id}: {what}, answers {[(a.status, a.code, dict(a.body)) for a in self.answers]}"
