"""Deliberate bugs, and why each is one. The simulation must catch them all: this is what its own tests stand on."""

from tests.simulation.projector.planting import Mutant

MUTANTS = (
    Mutant(
        "What was refused goes behind the next of its lane, which overtakes it.",
        "projector.lanes",
        "        self.failure = reason\n        self.ready_at_s = now_s",
        "        self.failure = reason\n        self.waiting.rotate(-1)\n        self.ready_at_s = now_s",
    ),
    Mutant(
        "Two events of an account are in flight together, and a call promises no order between its records.",
        "projector.lanes",
        "by_account.setdefault(account_id, deque())",
        "by_account.setdefault(f'{account_id}:{event.sequence}', deque())",
    ),
    Mutant(
        "An account's events are put all over the ring: after a reshard they are in shards that nobody reads in turn.",
        "projector.lanes",
        "hash_key(bucket_of(account_id, buckets), buckets)",
        "hash_key(bucket_of(event.data.hex(), buckets), buckets)",
    ),
    Mutant(
        "All of a bucket's records are sent at once, as one that is refused lets the others pass.",
        "projector.lanes",
        "Lane(deque(_records(mine, str(bucket), hash_key(bucket, buckets), record_bytes_max)))\n"
        "            for bucket, mine in by_bucket.items()",
        "Lane(deque([record])) for bucket, mine in by_bucket.items()"
        " for record in _records(mine, str(bucket), hash_key(bucket, buckets), record_bytes_max)",
    ),
    Mutant(
        "Within an aggregated record the events stand in another order.",
        "projector.lanes",
        "[event.data for event in events]",
        "[event.data for event in reversed(events)]",
    ),
    Mutant(
        "A call begins although there is no time left to wait for its answer.",
        "projector.publish",
        "        if self._clock() >= deadline_s:\n            return\n",
        "",
    ),
    Mutant(
        "A call that timed out is taken for accepted, and its events are never sent again.",
        "projector.publish",
        "return [type(error).__name__] * len(call)",
        "return [None] * len(call)",
    ),
    Mutant(
        "A call that was throttled is taken for accepted.",
        "projector.publish",
        'return [error.response.get("Error", {}).get("Code", "ClientError")] * len(call)',
        "return [None] * len(call)",
    ),
    Mutant(
        "Refusals of single records in an answer are overlooked.",
        "projector.publish",
        'return [entry.get("ErrorCode") for entry in answer["Records"]]',
        "return [None] * len(call)",
    ),
    Mutant(
        "Behind an event that is refused for good, its account goes on.",
        "projector.lanes",
        "mine = [event for event in waiting if event.account_id == refused.account_id]",
        "mine = [refused]",
    ),
    Mutant(
        "The highest unsafe record is reported: Lambda takes all before it for done.",
        "projector.project",
        "checkpoint = min((waiting",
        "checkpoint = max((waiting",
    ),
    Mutant(
        "The record behind the lowest unsafe one is reported.",
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
        "An account is parked at its poison while events before that are not on the stream.",
        "projector.project",
        "is_due=in_time and account_id not in refused",
        "is_due=in_time",
    ),
    Mutant(
        "A parking that failed is taken for done.",
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
        "An account parked meanwhile, by a request taken for lost, is taken for parked with all of this batch.",
        "projector.project",
        'outcome.waiting.append(_waiting(resequenced.behind, "parked meanwhile"))',
        "pass",
    ),
    Mutant(
        "Only the poison is written down as waiting, not what is behind it.",
        "projector.project",
        "through = max(last_of(resequenced.behind), last_of([poison]))",
        "through = poison.sequence",
    ),
    Mutant(
        "What is held back is not written down before its record is done with.",
        "projector.project",
        "elif through <= parked.held_through or self._parking.hold(parked, through):",
        "elif True:",
    ),
    Mutant(
        "A hold that was refused, since the account was released meanwhile, is taken for written.",
        "projector.project",
        "outcome.waiting.append(_waiting(held, RELEASED))",
        "outcome.held += len(held)",
    ),
    Mutant(
        "A hold without an answer is taken for written.",
        "projector.project",
        "outcome.waiting.append(_waiting(held, str(error)))",
        "outcome.held += len(held)",
    ),
    Mutant(
        "A parked account's events are published all the same.",
        "projector.project",
        "return [arrival for arrival in arrivals if arrival.sequence < parked.first]",
        "return list(arrivals)",
    ),
    Mutant(
        "Where the parked accounts cannot be read, nobody is taken for parked.",
        "projector.project",
        "outcome.waiting += [_waiting(mine, str(error)) for mine in batch.arrivals.values()]",
        "self._project(batch, {}, outcome, deadline_s)",
    ),
    Mutant(
        "What was refused counts as published: when it is delivered again, it is skipped.",
        "projector.project",
        "self._last_published.update(accepted)",
        "self._last_published.update(ready)",
    ),
    Mutant(
        "The first event that was refused counts as published.",
        "projector.project",
        "e.sequence < first_of[e.account_id]]",
        "e.sequence <= first_of[e.account_id]]",
    ),
    Mutant(
        "An account's last record is reported, not the first of those that wait.",
        "projector.project",
        "position = min(arrival.position for arrival in arrivals)",
        "position = max(arrival.position for arrival in arrivals)",
    ),
    Mutant(
        "Of what is held back only the first is written down.",
        "projector.project",
        "through = last_of(held)",
        "through = last_of(held[:1])",
    ),
    Mutant(
        "A poisonous row in a snapshot's place is written down as an event: its release waits for what may never be.",
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
        "A hole inside a batch is not filled.",
        "projector.resequence",
        "if arrival.sequence <= due:",
        "if True:",
    ),
    Mutant(
        "A hole behind the last event published is not filled.",
        "projector.resequence",
        "else published.last + 1",
        "else max(first, published.last + 1)",
    ),
    Mutant(
        "What stands before the first event that an environment has published is taken for published.",
        "projector.resequence",
        "due = first if published is None or first < published.first else",
        "due = first if published is None else",
    ),
    Mutant(
        "Records go as they come, whatever their sequence.",
        "projector.resequence",
        "waiting = sorted(arrivals, key=_BY_SEQUENCE)",
        "waiting = list(arrivals)",
    ),
    Mutant(
        "Any arrivals whatever are taken for the account's next events.",
        "projector.resequence",
        "if arrival.sequence != due or isinstance(arrival, Poison):",
        "if isinstance(arrival, Poison):",
    ),
    Mutant(
        "What stands behind a hole that cannot be read just now is forgotten.",
        "projector.resequence",
        "resequenced.failure, resequenced.behind = str(error), waiting[number:]",
        "resequenced.failure = str(error)",
    ),
    Mutant(
        "Behind a poison the account goes on.",
        "projector.resequence",
        "            resequenced.poison, resequenced.behind = poison, waiting[number:]\n            break\n",
        "            resequenced.poison, resequenced.behind = poison, waiting[number:]\n",
    ),
    Mutant(
        "Of an account met for the first time, nobody asks whether the event before is on the stream.",
        "projector.project",
        "earlier = self._check(firsts, lambda: self._clock() < reads_end_s)",
        "earlier = {}",
    ),
    Mutant(
        "An account met for the first time begins with whatever event comes first.",
        "projector.resequence",
        "due = 1 if published is None else published + 1",
        "due = arrivals[0].sequence if published is None else published + 1",
    ),
    Mutant(
        "What stands before the event is not read, and not waited for either.",
        "projector.project",
        """                outcome.waiting.append(_waiting(arrivals, str(before)))
                continue
""",
        """                before = ()
""",
    ),
    Mutant(
        "A key that DynamoDB left unprocessed is taken for that of an old event.",
        "projector.predecessors",
        "known.get(key.account_id, unanswered)",
        "known.get(key.account_id, -(10**18))",
    ),
    Mutant(
        "In front of a row that is no event, the event before is taken for published.",
        "projector.predecessors",
        "if first.occurred_us is None or predecessor_us is None:\n            return True",
        "if first.occurred_us is None or predecessor_us is None:\n            return False",
    ),
    Mutant(
        "The order window is taken for half as long.",
        "projector.predecessors",
        "first.occurred_us - predecessor_us < self._window_us",
        "first.occurred_us - predecessor_us < self._window_us // 2",
    ),
    Mutant(
        "Only the very event before is read, not the others within the window.",
        "projector.parse",
        "return min(sequence_from(version) + 1, last)",
        "return last",
    ),
    Mutant(
        "Of the events within the window, only those of its later half are read.",
        "projector.parse",
        "before_us - at_us >= window_us:",
        "before_us - at_us >= window_us // 2:",
    ),
    Mutant(
        "A row that cannot be read is left out.",
        "projector.parse",
        '        return poison(f"the row cannot be read: {error}")\n',
        "        return None\n",
    ),
    Mutant(
        "A release does not look whether more is held back by now.",
        "tests.support.memory_tables",
        "there.first != parked.first or there.held_through > through:",
        "there.first != parked.first:",
    ),
    Mutant(
        "An account that is parked at an earlier event forgets what waited for it.",
        "tests.support.memory_tables",
        "parked.held_through if there is None else max(there.held_through, parked.held_through)",
        "parked.held_through",
    ),
    Mutant(
        "A hold does not look whether the account has been released since.",
        "tests.support.memory_tables",
        """        if there is None or there.first != parked.first:
            return False
        self.parked[parked.account_id] = replace(there, held_through""",
        """        if there is None or there.first != parked.first:
            return True
        self.parked[parked.account_id] = replace(there, held_through""",
    ),
    Mutant(
        "A release goes on behind events that Kinesis did not accept.",
        "ops.recovery.release",
        "run.through += len(events) - len(held)",
        "run.through += len(events)",
    ),
    Mutant(
        "A release leaves out a row that is still wrong.",
        "ops.recovery.release",
        "        if poison is not None and not held:\n",
        "        run.through += poison is not None and not held\n        if False:\n",
    ),
)
