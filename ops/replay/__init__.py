"""Re-publishes domain events from the table, with the same ids and values, to a stream, a file or stdout.

`engine.replay` runs a replay. It reads the table by a parallel Scan or by Queries (`source`), turns rows into events as
the projector does and keeps each account in order (`cursor`), and passes the events to a sink (`sinks`). After every
page it saves its progress, so that a run can be killed and resumed (`state`). The user guide is docs/replay.md.
"""
