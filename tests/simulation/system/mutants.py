"""Deliberate bugs in money that moves, each with its faulty behaviour. The simulation must catch them all."""

from tests.simulation.projector.planting import Mutant

MUTANTS = (
    Mutant(
        "Only the withdrawal of a transfer is written.",
        "account_core.service.execution",
        "[row for own in rows for row in own]",
        "[row for own in rows[:1] for row in own]",
    ),
    Mutant(
        "After a lost answer, the event is written again.",
        "account_core.store.dynamodb_errors",
        "WriteConflict() if failure.codes(Kind.CONFLICT) else None",
        "WriteConflict() if failure.codes(Kind.CONFLICT, Kind.TRANSIENT) else None",
    ),
    Mutant(
        "A transaction that nobody has won counts as written.",
        "account_core.store.dynamodb_store",
        "                raise lost from error\n",
        "                if type(lost).__name__ == 'WriteConflict':\n                    return\n"
        "                raise lost from error\n",
    ),
    Mutant(
        "A version conflict counts as written.",
        "account_core.store.dynamodb_store",
        "                raise lost from error\n",
        "                if type(lost).__name__ == 'VersionConflict':\n                    return\n"
        "                raise lost from error\n",
    ),
    Mutant(
        "A row that is already there is overwritten.",
        "account_core.store.dynamodb_store",
        '    "ConditionExpression": VERSION_IS_FREE,\n',
        "",
    ),
    Mutant(
        "The two events of a transfer have the time of their own account.",
        "account_core.service.head",
        "at = max(origin.occurred_at, payer[1].occurred_at, receiver[1].occurred_at)",
        "at = origin.occurred_at",
    ),
    Mutant(
        "The idempotency key is also stored on the receiving account.",
        "account_core.service.head",
        "correlation_id=transfer.transfer_id, request_id=None)",
        "correlation_id=transfer.transfer_id, request_id=None, command_id=origin.command_id)",
    ),
    Mutant(
        "The correlation id of the payer's command reaches the receiving account.",
        "account_core.service.head",
        "correlation_id=transfer.transfer_id, request_id=None)",
        "correlation_id=origin.correlation_id, request_id=None)",
    ),
    Mutant(
        "A repeated transfer is another command, because its generated id differs.",
        "account_core.domain.account",
        "command = replace(command, transfer_id=transfer_id)",
        "pass",
    ),
    Mutant(
        "A repeated command is not looked up.",
        "account_core.service.execution",
        "return None if key is None else self.account.find(key)",
        "return None",
    ),
    Mutant(
        "A repeated command with another receiving account counts as the same.",
        "account_core.domain.account",
        "    return event == event_of(command)\n",
        "    return event == event_of(replace(command, to=event.transfer.counterparty)"
        " if isinstance(command, TransferMoney) and getattr(event, 'transfer', None) else command)\n",
    ),
    Mutant(
        "After a conflict on the receiving account, its new balance is computed from the old one.",
        "account_core.service.execution",
        "                account.advance(folded[account.account_id])\n",
        "                old = account.head.account\n"
        "                account.advance(folded[account.account_id])\n"
        "                if account is self.receiver:\n"
        "                    account.head = replace(account.head, account=old)\n",
    ),
    Mutant(
        "A competing snapshot, returned alone, is folded like an event.",
        "account_core.service.execution",
        "for account_id, row in competing.items() if isinstance(row, EventRow)}",
        "for account_id, row in competing.items()}",
    ),
    Mutant(
        "The snapshot of the receiving account is missing.",
        "account_core.service.head",
        "rows_for(*receiver, events[1], receiving)]",
        "rows_for(*receiver, events[1], receiving)[:1]]",
    ),
    Mutant(
        "A snapshot has the balance before its event.",
        "account_core.service.head",
        "snapshot_of(account_id, Head(account, version + 1, sequence, occurred_at))]",
        "snapshot_of(account_id, Head(head.account, version + 1, sequence, occurred_at))]",
    ),
    Mutant(
        "A command is decided only once, and written whatever other commands did meanwhile.",
        "account_core.service.execution",
        "            events, refusal = self._decide()\n",
        "            if not conflicts:\n                events, refusal = self._decide()\n",
    ),
    Mutant(
        "A command is refused because of a cached state that is out of date.",
        "account_core.service.execution",
        "if not events and self._read_stale():",
        "if False:",
    ),
    Mutant(
        "A transfer is refused because of a receiving account that was read, while the payer's state is out of date.",
        "account_core.service.execution",
        "stale = [account for account in self._accounts() if not account.is_fresh]",
        "stale = [account for account in self._accounts()[-1:] if not account.is_fresh]",
    ),
    Mutant(
        "The receiving account is credited in another currency.",
        "account_core.domain.account",
        "if receiver is None or receiver.currency != payer.currency:",
        "if receiver is None:",
    ),
    Mutant(
        "A payer's balance does not limit the transfer.",
        "account_core.domain.account",
        "    decide(payer, Withdraw(command.amount))\n",
        "",
    ),
    Mutant(
        "A transfer is carried out for a client that does not own the paying account.",
        "account_core.service.execution",
        "self.account.start(self.conditions.owner, age_max_s)",
        "self.account.start(self.conditions.owner if self.receiver is None else None, age_max_s)",
    ),
    Mutant(
        "A transfer is carried out although its If-Match is not fulfilled.",
        "account_core.service.execution",
        "if sequences is not None and head",
        "if sequences is not None and self.receiver is None and head",
    ),
    Mutant(
        "The receiving account's limit is not checked.",
        "account_core.domain.account",
        "        decide(receiver, Credit(command.amount))\n",
        "        pass\n",
    ),
    Mutant(
        "The payer learns that the receiving account is at its limit.",
        "account_core.domain.account",
        "        raise ReceiverRefused from None\n    return",
        "        raise\n    return",
    ),
    Mutant(
        "The payer learns that the receiving account is full.",
        "account_core.service.execution",
        "if full.account_id != self.account.account_id:",
        "if False:",
    ),
    Mutant(
        "A client that cannot pay the amount learns that the receiving account would refuse it.",
        "account_core.domain.account",
        "    decide(payer, Withdraw(command.amount))\n"
        "    if receiver is None or receiver.currency != payer.currency:\n        raise ReceiverRefused\n",
        "    if receiver is None or receiver.currency != payer.currency:\n        raise ReceiverRefused\n"
        "    decide(payer, Withdraw(command.amount))\n",
    ),
    Mutant(
        "A transfer has the time of the last event on its accounts, although it happened later.",
        "account_core.service.head",
        "at = max(origin.occurred_at, payer[1].occurred_at, receiver[1].occurred_at)",
        "at = max(payer[1].occurred_at, receiver[1].occurred_at)",
    ),
    Mutant(
        "The id of the payer's request is the transfer's id, and so reaches the receiving account.",
        "account_core.api.http_api",
        "transfer_id = self._new_id()\n",
        "transfer_id = call.request_id\n",
    ),
    Mutant(
        "A withdrawal with the key of a transfer of the same amount counts as its repetition.",
        "account_core.domain.account",
        "    return event == event_of(command)\n",
        "    if isinstance(command, Withdraw) and isinstance(event, Withdrawn):\n"
        "        event = replace(event, transfer=None)\n    return event == event_of(command)\n",
    ),
    Mutant(
        "The projector publishes the records of transactions in the order of arrival.",
        "projector.resequence",
        "waiting = sorted(arrivals, key=_BY_SEQUENCE)",
        "waiting = list(arrivals)",
    ),
    Mutant(
        "An environment of the projector does not wait for the earlier event of a new account.",
        "projector.project",
        "earlier = self._check(firsts, lambda: self._clock() < reads_end_s)",
        "earlier = {}",
    ),
    Mutant(
        "A published event lacks the transfer's other account.",
        "projector.translate",
        '"counterparty_account_id": transfer.counterparty',
        '"counterparty_account_id": None',
    ),
    Mutant(
        "The inbox applies an event again that it has applied.",
        "account_events.consumer.position",
        """        if event.sequence <= position.last or event.sequence in waiting:
            duplicates += 1
        else:
            waiting[event.sequence], out_of_order[event.sequence] = event, data
    ready: list[Event | bytes] = []
    following = position.last + 1
""",
        """        if event.sequence in waiting:
            duplicates += 1
        else:
            waiting[event.sequence], out_of_order[event.sequence] = event, data
    ready: list[Event | bytes] = []
    following = min([position.last + 1, *waiting])
""",
    ),
    Mutant(
        "The read model shows the balance after the first event of a batch.",
        "consumers.owners.rows",
        "return ItemEffect(_balance(events[-1]), ",
        "return ItemEffect(_balance(events[-1]) | {'Balance': {'N': str(first.balance)}}, ",  # its sequence is right
    ),
    Mutant(
        "An event is in the lake on the day of its publication.",
        "consumers.lake.rows",
        "return Row(day, schema.name,",
        "return Row(published.day or day, schema.name,",
    ),
    Mutant(
        "A redrive loses the records of a batch that the transform did not answer.",
        "ops.lake.repair.redrive",
        "            if written:\n                self.bucket.put(",
        "            if len(written) == 1:\n                self.bucket.put(",
    ),
    Mutant(
        "A redriven file has the name of an earlier one, and replaces it.",
        "ops.lake.repair.redrive",
        "redriven-{_digest([each.data for each in written])}.parquet",
        "redriven-1.parquet",
    ),
    Mutant(
        "The lake has the other account of a transfer in the column of its id.",
        "consumers.lake.rows",
        "names = tuple(field.name for field in fields)",
        "names = tuple({'transfer_id': 'counterparty_account_id'}.get(field.name, field.name) for field in fields)",
    ),
)
