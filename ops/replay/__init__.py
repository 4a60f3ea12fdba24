"""Domain events once more, from the table: the same ids and values, per account in order, to a stream, file or stdout.

`engine.replay` is the whole of it as a function. It reads by a parallel Scan or by Queries (`source`), makes events of
the rows as the projector does and sees to each account's order (`cursor`), hands them to a sink (`sinks`), and says
after every page how far it is, so that a run can be killed and resumed (`state`). docs/replay.md is for its users.
"""
