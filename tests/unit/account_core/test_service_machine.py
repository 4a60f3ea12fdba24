"""Two instances of the service, each with a cache, against a simple model of the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from account_core.domain.commands import Command, CreateAccount, Credit, TransferMoney, Withdraw
from account_core.domain.errors import AccountNotFound, PreconditionFailed, Rejected, Unavailable
from account_core.domain.events import Created, Credited, EventRow, Row, SnapshotRow
from account_core.domain.money import MONEY_MAX
from account_core.service.execution import ALWAYS, Conditions, Receipt
from account_core.service.head import Origin
from account_core.service.head_cache import HeadCache
from account_core.service.ports import VersionConflict
from account_core.service.service import AccountService
from account_core.service.usage import Usage
from account_core.store.memory_store import MemoryAccountStore
from tests.support.ledger_model import Ledger


@dataclass(frozen=True)
class Sent:
    """A command that a client sends, once or repeatedly."""

    account_id: str
    command: Command
    key: str | None
    conditions: Conditions = ALWAYS


ACCOUNTS = ("a", "b", "c")
MOMENTS = [f"2026-01-31T09:30:0{second}.000001Z" for second in range(5)]
OPENED = CreateAccount("owner-1", "EUR")
commands = st.one_of(
    st.sampled_from([OPENED, OPENED, CreateAccount("owner-1", "USD"), CreateAccount("owner-2", "EUR")]),
    st.builds(Credit, st.sampled_from([Decimal("0.01"), Decimal("5.00"), Decimal("5.00"), MONEY_MAX])),
    st.builds(Withdraw, st.sampled_from([Decimal("0.01"), Decimal("5.00"), Decimal("7.00")])),
)
keys = st.sampled_from([None, "key-1", "key-2", "key-3"])
accounts = st.sampled_from(ACCOUNTS)
sends = st.builds(Sent, accounts, commands, keys)
transfers = st.builds(
    Sent,
    accounts,
    st.builds(
        TransferMoney,
        st.sampled_from([*ACCOUNTS, *ACCOUNTS, "nobody"]),
        st.sampled_from([Decimal("0.01"), Decimal("5.00"), Decimal("5.00"), MONEY_MAX]),
        st.just("replaced"),
    ),
    keys,
)
instances = st.integers(0, 1)


class LossyStore(MemoryAccountStore):
    """A store that can lose the next append.

    Attributes:
        loses: whether the next append is lost `before` or `after` it is carried out. None: it is not lost.
        appends: number of appends that were carried out.
        changed: the accounts whose rows have changed since they were checked.
    """

    def __init__(self) -> None:
        super().__init__()
        self.loses: str | None = None
        self.appends = 0
        self.changed: set[str] = set()

    def append(self, rows: Sequence[Row], used: Usage) -> None:
        loses, self.loses = self.loses, None
        if loses == "before":
            raise Unavailable("the request was lost")
        try:
            super().append(rows, used)
        except VersionConflict:
            if loses is None:
                raise
        else:
            self.appends += 1
            self.changed.update(row.account_id for row in rows)
        if loses == "after":
            raise Unavailable("the answer was lost")


class TwoInstances(RuleBasedStateMachine):
    """For any requests in any order and with any losses, the service answers as the model does."""

    def __init__(self) -> None:
        super().__init__()
        self.store = LossyStore()
        self.services: list[AccountService] = []
        self.model = {account_id: Ledger() for account_id in ACCOUNTS}
        self.lost: list[Sent] = []
        self.transfers = 0

    @initialize(generation_max=st.integers(1, 3), funded=st.sampled_from([ACCOUNTS, ACCOUNTS, ACCOUNTS[:2], ()]))
    def start(self, generation_max: int, funded: tuple[str, ...]) -> None:
        self.services = [AccountService(self.store, HeadCache(generation_max=generation_max)) for _ in range(2)]
        for account_id in funded:
            self._send(0, Sent(account_id, OPENED, None), MOMENTS[0])
            self._send(0, Sent(account_id, Credit(Decimal("20.00")), None), MOMENTS[0])

    @rule(at=instances, sent=sends, moment=st.sampled_from(MOMENTS))
    def send(self, at: int, sent: Sent, moment: str) -> None:
        self._send(at, sent, moment)

    @rule(at=instances, sent=sends, loses=st.sampled_from(["before", "after"]))
    def send_and_lose_the_answer(self, at: int, sent: Sent, loses: str) -> None:
        self._send(at, sent, MOMENTS[0], loses)

    @rule(
        at=instances, sent=transfers, moment=st.sampled_from(MOMENTS), loses=st.sampled_from([None, "before", "after"])
    )
    def transfer(self, at: int, sent: Sent, moment: str, loses: str | None) -> None:
        self._send(at, sent, moment, loses)

    @rule(at=instances, sent=st.one_of(sends, transfers), ahead=st.sampled_from([-2, -1, 0, 0, 0, 1]))
    def send_if_match(self, at: int, sent: Sent, ahead: int) -> None:
        now = self.model[sent.account_id].now
        sequence = (now.sequence if now else 0) + ahead
        self._send(at, replace(sent, conditions=Conditions(frozenset({sequence, sequence + 50}))), MOMENTS[0])

    @rule(at=instances, sent=st.one_of(sends, transfers), owner=st.sampled_from(["owner-1", "owner-2"]))
    def send_as_owner(self, at: int, sent: Sent, owner: str) -> None:
        if not isinstance(sent.command, CreateAccount):
            self._send(at, replace(sent, conditions=Conditions(owner=owner)), MOMENTS[0])

    @rule(at=instances, account_id=accounts, count=st.integers(1, 9))
    def send_many(self, at: int, account_id: str, count: int) -> None:
        for _ in range(count):
            self._send(at, Sent(account_id, Credit(Decimal("1.00")), None), MOMENTS[1])

    @precondition(lambda self: self.lost)
    @rule(at=instances, data=st.data())
    def send_again(self, at: int, data: st.DataObject) -> None:
        self._send(at, data.draw(st.sampled_from(self.lost)), MOMENTS[2])

    def _send(self, at: int, sent: Sent, moment: str, loses: str | None = None) -> None:
        ledger, command, receiver = self.model[sent.account_id], sent.command, None
        if isinstance(command, TransferMoney):
            self.transfers += 1
            command, receiver = replace(command, transfer_id=f"transfer-{self.transfers}"), self.model.get(command.to)
        expected = ledger.expected(command, sent.key, sent.conditions, receiver)
        appends_before = self.store.appends
        origin = Origin(moment, "correlation-1", "request-1", sent.key)
        self.store.loses = loses
        try:
            got: Receipt | str = self.services[at].execute(sent.account_id, command, origin, sent.conditions)
        except (Rejected, PreconditionFailed) as error:
            got = error.code
        except Unavailable:
            assert loses is not None
            assert self.store.loses is None
            self.lost.append(sent)
            got = expected
        self.store.loses = None
        assert got == expected
        if self.store.appends != appends_before:
            assert self.store.appends == appends_before + 1
            assert isinstance(expected, Receipt)
            assert not expected.is_replay
            if isinstance(command, TransferMoney):
                assert receiver is not None
                ledger.accept_transfer(command, sent.key, moment, receiver)
            else:
                ledger.accept(command, sent.key, moment, expected)

    @rule(at=instances, account_id=accounts)
    def read(self, at: int, account_id: str) -> None:
        assert self._read(at, account_id) == (self.model[account_id].now or "account_not_found")

    @rule(at=instances, account_id=accounts, share=st.floats(0, 1.1))
    def read_at_sequence(self, at: int, account_id: str, share: float) -> None:
        entries = self.model[account_id].entries
        sequence = 1 + int(share * len(entries))
        got = self._read(at, account_id, sequence=sequence)
        if not entries:
            assert got == "account_not_found"
        elif sequence > len(entries):
            assert got == "sequence_not_found"
        else:
            assert got == entries[sequence - 1].shown

    @rule(at=instances, account_id=accounts, moment=st.sampled_from(["2026-01-31T09:30:00.000000Z", *MOMENTS]))
    def read_at_moment(self, at: int, account_id: str, moment: str) -> None:
        in_time = [entry.shown for entry in self.model[account_id].entries if entry.occurred_at <= moment]
        assert self._read(at, account_id, moment=moment) == (in_time[-1] if in_time else "account_not_found")

    @rule(
        at=instances,
        account_id=accounts,
        after=st.one_of(st.none(), st.integers(0, 40)),
        limit=st.integers(1, 25),
        newest_first=st.booleans(),
    )
    def page(self, at: int, account_id: str, after: int | None, limit: int, *, newest_first: bool) -> None:
        entries = self.model[account_id].entries
        service = self.services[at]
        if not entries:
            with pytest.raises(AccountNotFound):
                service.events(account_id, after, limit, None, Usage(), newest_first=newest_first)
            return
        rows = service.events(account_id, after, limit, None, Usage(), newest_first=newest_first)
        known = [(entry.receipt.sequence, entry.receipt.balance, entry.key, entry.occurred_at) for entry in entries]
        if newest_first:
            listed = [one for one in reversed(known) if after is None or one[0] < after]
        else:
            listed = [one for one in known if one[0] > (after or 0)]
        assert [(row.sequence, row.balance, row.command_id, row.occurred_at) for row in rows] == listed[:limit]

    @invariant()
    def rows_are_dense_and_intact(self) -> None:
        while self.store.changed:
            account_id = self.store.changed.pop()
            ledger, rows = self.model[account_id], self._rows(account_id)
            assert [row.version for row in rows] == list(range(1, len(rows) + 1))
            assert all(isinstance(row, SnapshotRow) == (row.version % 10 == 0) for row in rows)
            assert all(row.balance >= 0 for row in rows)
            events = [row for row in rows if isinstance(row, EventRow)]
            assert [(row.command_id, row.balance) for row in events] == [
                (entry.key, entry.receipt.balance) for entry in ledger.entries
            ]
            assert len(ledger.entries) == (ledger.now.sequence if ledger.now else 0)
            keyed = [row.command_id for row in events if row.command_id is not None]
            assert len(keyed) == len(set(keyed))
            changes = [_change(row) for row in events]
            assert (ledger.now.balance if ledger.now else 0) == sum(changes, Decimal(0))

    def _rows(self, account_id: str) -> list[Row]:
        newest = self.store.newest(account_id, Usage(), limit=1_000)
        return [row for row in reversed(newest) if isinstance(row, EventRow | SnapshotRow)]

    def _read(self, at: int, account_id: str, sequence: int | None = None, moment: str | None = None) -> Receipt | str:
        try:
            return self.services[at].read(account_id, sequence=sequence, moment=moment)
        except Rejected as error:
            return error.code


def _change(row: EventRow) -> Decimal:
    match row.event:
        case Created():
            return Decimal(0)
        case Credited(amount=amount):
            return amount
        case other:
            return -other.amount


TestTwoInstances = TwoInstances.TestCase
TestTwoInstances.settings = settings(
    max_examples=100,
    stateful_step_count=50,
    phases=set(Phase) - {Phase.explain},  # it takes minutes, while shrinking takes seconds
)
