"""The faults of the whole system: those of the projector's simulation, and those of API, consumer and lake."""

from collections.abc import Mapping

from tests.simulation.projector import fault_plan

_OF_ROWS = {"poison", "row spoilt", "row vanished", "account abandoned"}
"""The projector's simulation damages rows. Here every row is intact, so that every view must agree in the end."""

CHANCES: Mapping[str, float] = {
    **{what: chance for what, chance in fault_plan.CHANCES.items() if what not in _OF_ROWS},
    # DynamoDB, for every request of the API. The first two happen before the effect, the last one after it.
    "read throttled": 0.1,
    "write throttled": 0.1,
    "write lost": 0.1,
    "write late": 0.2,
    "write answer lost": 0.2,
    # One of the accounts that are being written to is full, and never takes a row again.
    "account full": 0.01,
    # A transaction that nobody has won: no emulator produces it.
    "transaction conflict": 0.3,
    "transaction conflict of another row": 1.0,
    # The API's environments: at every request to the table, or for every request of a client.
    "api killed": 0.03,
    "api restarted": 0.1,
    "api answer lost": 0.1,
    "api little time": 0.2,
    "client acted meanwhile": 0.4,
    # Once for each environment, or for the scenario.
    "clock skewed": 0.7,
    "near midnight": 1.0,
    # The read model's function: see `readers`.
    **{f"reader {what}": 0.1 for what in ("restart", "throttled", "short", "lost response")},
    **{f"reader {what}": 0.1 for what in ("killed before", "killed after", "lost")},
    # Firehose and the lake: for every invocation of the transform, object, or step.
    "transform failed": 0.4,
    "transform answer lost": 0.2,
    "object refused": 0.3,
    "object answer lost": 0.2,
    "firehose restarted": 0.2,
    "redrive killed": 0.5,
}
"""The maximum probability of each fault; see `FaultPlan`."""

THEMES: tuple[tuple[str, ...], ...] = (
    (),
    (),
    ("record late", "transaction swapped", "restarted"),
    ("transaction conflict", "transaction conflict of another row"),
    ("write late", "write answer lost", "api killed"),
    ("near midnight", "clock skewed"),
    ("account full", "write answer lost"),
    ("transform failed", "redrive killed", "firehose restarted"),
    ("answer lost", "killed", "reader lost", "reader restart"),
)
