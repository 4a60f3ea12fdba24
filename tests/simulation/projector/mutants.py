"""Deliberate bugs, each with its faulty behaviour. The simulation must catch them all."""

from tests.simulation.projector.planting import Mutant

MUTANTS = (
    Mutant(
        "A refused record moves behind the next one of its lane, which overtakes it.",
        "projector.lanes",
        "        self.failure = reason\n        self.ready_at_s = now_s",
        "        self.failure = reason\n        self.waiting.rotate(-1)\n        self.ready_at_s = now_s",
    ),
    Mutant(
        "Two events of an account are in flight together, although a call promises no order.",
        "projector.lanes",
        "by_account.setdefault(account_id, deque())",
        "by_account.setdefault(f'{account_id}:{event.sequence}', deque())",
    ),
    Mutant(
        "An account's events have different hash keys, so a reshard separates them into unordered shards.",
        "projector.lanes",
        "hash_key(bucket_of(account_id, buckets), buckets)",
        "hash_key(bucket_of(event.data.hex(), buckets), buckets)",
    ),
    Mutant(
        "All records of a bucket are sent at once, so the others overtake a refused one.",
        "projector.lanes",
        "Lane(deque(_records(mine, str(bucket), hash_key(bucket, buckets), record_bytes_max)))\n"
        "            for bucket, mine in by_bucket.items()",
        "Lane(deque([record])) for bucket, mine in by_bucket.items()"
        " for record in _records(mine, str(bucket), hash_key(bucket, buckets), record_bytes_max)",
    ),
    Mutant(
        "The events within an aggregated record are in the wrong order.",
        "projector.lanes",
        "[event.data for event in events]",
        "[event.data for event in reversed(events)]",
    ),
    Mutant(
        "A call begins although there is no time left to wait for its response.",
        "projector.publish",
        "        if self._clock() >= deadline_s:\n            return\n",
        "",
    ),
    Mutant(
        "A call that timed out counts as accepted, and its events are never sent again.",
        "projector.publish",
        "return [type(error).__name__] * len(call)",
        "return [None] * len(call)",
    ),
    Mutant(
        "A throttled call counts as accepted.",
        "projector.publish",
        'return [error.response.get("Error", {}).get("Code", "ClientError")] * len(call)',
        "return [None] * len(call)",
    ),
    Mutant(
        "Refusals of single records in a response are ignored.",
        "projector.publish",
        'return [entry.get("ErrorCode") for entry in answer["Records"]]',
        "return [None] * len(call)",
    ),
    Mutant(
        "The account continues after an event that is always refused.",
        "projector.lanes",
        "mine = [event for event in waiting if event.account_id == refused.account_id]",
        "mine = [refused]",
    ),
    Mutant(
        "The highest failed record is reported, so Lambda regards all earlier records as done.",
        "projector.project",
        "checkpoint = min((waiting",
        "checkpoint = max((waiting",
    ),
    Mutant(
        "The record after the lowest failed one is reported.",
        "projector.project",
        "batch.numbers[checkpoint]}",
        "batch.numbers[min(checkpoint + 1, len(batch.numbers) - 1)]}",
    ),
    Mutant(
        "Events that Kinesis did not accept are not reported.",
        "projector.project",
        "outcome.waiting += [_waiting(events, reasons[account_id]) for account_id, events in refused.items()]",
        "pass",
    ),
    Mutant(
        "An account is parked at its poison while earlier events are not on the stream.",
        "projector.project",
        "is_due=in_time and account_id not in refused",
        "is_due=in_time",
    ),
    Mutant(
        "A failed parking counts as done.",
        "projector.project",
        """        except Unavailable as error:
            outcome.waiting.append(_waiting(resequenced.behind, str(error)))
            return
""",
        """        except Unavailable as error:
            return
""",
    ),
    Mutant(
        "If a request that seemed lost has parked the account, this batch's events count as held.",
        "projector.project",
        'outcome.waiting.append(_waiting(resequenced.behind, "already parked at this event or earlier"))',
        "pass",
    ),
    Mutant(
        "Only the poison is recorded as held back, not the later events.",
        "projector.project",
        "through = max(last_of(resequenced.behind), last_of([poison]))",
        "through = poison.sequence",
    ),
    Mutant(
        "Held events are not recorded before their stream records are acknowledged.",
        "projector.project",
        "elif through <= parked.held_through or self._parking.hold(parked, through):",
        "elif True:",
    ),
    Mutant(
        "A hold that was refused because of a release counts as recorded.",
        "projector.project",
        "outcome.waiting.append(_waiting(held, RELEASED))",
        "outcome.held += len(held)",
    ),
    Mutant(
        "A hold without a response counts as recorded.",
        "projector.project",
        "outcome.waiting.append(_waiting(held, str(error)))",
        "outcome.held += len(held)",
    ),
    Mutant(
        "A parked account's events are published.",
        "projector.project",
        "return [arrival for arrival in arrivals if arrival.sequence < parked.first]",
        "return list(arrivals)",
    ),
    Mutant(
        "If the parked accounts cannot be listed, no account counts as parked.",
        "projector.project",
        "outcome.waiting += [_waiting(mine, str(error)) for mine in batch.arrivals.values()]",
        "self._project(batch, {}, outcome, deadline_s)",
    ),
    Mutant(
        "Refused events count as published and are skipped when they are delivered again.",
        "projector.project",
        "self._last_published.update(accepted)",
        "self._last_published.update(ready)",
    ),
    Mutant(
        "The first refused event counts as published.",
        "projector.project",
        "e.sequence < first_of[e.account_id]]",
        "e.sequence <= first_of[e.account_id]]",
    ),
    Mutant(
        "An account's last record is reported instead of its first waiting one.",
        "projector.project",
        "position = min(arrival.position for arrival in arrivals)",
        "position = max(arrival.position for arrival in arrivals)",
    ),
    Mutant(
        "Only the first held event is recorded.",
        "projector.project",
        "through = last_of(held)",
        "through = last_of(held[:1])",
    ),
    Mutant(
        "Poison in a snapshot's place counts as an event, so the release waits for an event that may never exist.",
        "projector.parking",
        "arrival.sequence - (isinstance(arrival, Poison) and is_snapshot_version(arrival.version))",
        "arrival.sequence",
    ),
    Mutant(
        "A parked account's poison is remembered as published.",
        "projector.project",
        "        poison = resequenced.poison\n",
        "        poison = resequenced.poison\n        self._last_published.update([poison])  # type: ignore\n",
    ),
    Mutant(
        "A gap inside a batch is not filled.",
        "projector.resequence",
        "if arrival.sequence <= due:",
        "if True:",
    ),
    Mutant(
        "A gap after the last published event is not filled.",
        "projector.resequence",
        "else published.last + 1",
        "else max(first, published.last + 1)",
    ),
    Mutant(
        "Events before the first one that an environment has published count as published.",
        "projector.resequence",
        "due = first if published is None or first < published.first else",
        "due = first if published is None else",
    ),
    Mutant(
        "Records are published in the order of arrival instead of their sequence.",
        "projector.resequence",
        "waiting = sorted(arrivals, key=_BY_SEQUENCE)",
        "waiting = list(arrivals)",
    ),
    Mutant(
        "Any arrivals count as the account's next events.",
        "projector.resequence",
        "if arrival.sequence != due or isinstance(arrival, Poison):",
        "if isinstance(arrival, Poison):",
    ),
    Mutant(
        "Events after a gap that cannot be read now are forgotten.",
        "projector.resequence",
        "resequenced.failure, resequenced.behind = str(error), waiting[number:]",
        "resequenced.failure = str(error)",
    ),
    Mutant(
        "The account continues after a poison.",
        "projector.resequence",
        "            resequenced.poison, resequenced.behind = poison, waiting[number:]\n            break\n",
        "            resequenced.poison, resequenced.behind = poison, waiting[number:]\n",
    ),
    Mutant(
        "The predecessor of an account seen for the first time is not checked.",
        "projector.project",
        "earlier = self._check(firsts, lambda: self._clock() < reads_end_s)",
        "earlier = {}",
    ),
    Mutant(
        "An account seen for the first time begins with any event.",
        "projector.resequence",
        "due = 1 if published is None else published + 1",
        "due = arrivals[0].sequence if published is None else published + 1",
    ),
    Mutant(
        "If predecessors cannot be read, the account does not wait.",
        "projector.project",
        """                outcome.waiting.append(_waiting(arrivals, str(before)))
                continue
""",
        """                before = ()
""",
    ),
    Mutant(
        "A key that DynamoDB left unprocessed counts as that of an old event.",
        "projector.predecessors",
        "known.get(key.account_id, unanswered)",
        "known.get(key.account_id, -(10**18))",
    ),
    Mutant(
        "The predecessor of a row that is not an event counts as published.",
        "projector.predecessors",
        "if first.occurred_us is None or predecessor_us is None:\n            return True",
        "if first.occurred_us is None or predecessor_us is None:\n            return False",
    ),
    Mutant(
        "The order window is only half as long.",
        "projector.predecessors",
        "first.occurred_us - predecessor_us < self._window_us",
        "first.occurred_us - predecessor_us < self._window_us // 2",
    ),
    Mutant(
        "Only the direct predecessor is read, not the other events within the window.",
        "projector.parse",
        "return min(sequence_from(version) + 1, last)",
        "return last",
    ),
    Mutant(
        "Only the events in the later half of the window are read.",
        "projector.parse",
        "before_us - at_us >= window_us:",
        "before_us - at_us >= window_us // 2:",
    ),
    Mutant(
        "A row that cannot be read is ignored.",
        "projector.parse",
        '        return poison(f"the row cannot be read: {error}")\n',
        "        return None\n",
    ),
    Mutant(
        "A release does not check whether more events are held back by now.",
        "tests.support.memory_tables",
        "there.first != parked.first or there.held_through > through:",
        "there.first != parked.first:",
    ),
    Mutant(
        "An account that is parked at an earlier event forgets its held events.",
        "tests.support.memory_tables",
        "parked.held_through if there is None else max(there.held_through, parked.held_through)",
        "parked.held_through",
    ),
    Mutant(
        "A hold does not check whether the account was released meanwhile.",
        "tests.support.memory_tables",
        """        if there is None or there.first != parked.first:
            return False
        self.parked[parked.account_id] = replace(there, held_through""",
        """        if there is None or there.first != parked.first:
            return True
        self.parked[parked.account_id] = replace(there, held_through""",
    ),
    Mutant(
        "A release continues after events that Kinesis did not accept.",
        "ops.recovery.release",
        "run.through += len(events) - len(held)",
        "run.through += len(events)",
    ),
    Mutant(
        "A release skips a row that is still damaged.",
        "ops.recovery.release",
        "        if poison is not None and not held:\n",
        "        run.through += poison is not None and not held\n        if False:\n",
    ),
)
