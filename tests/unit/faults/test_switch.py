"""The switch: which faults are on, and what it refuses."""

import threading

import pytest
from botocore.exceptions import EndpointConnectionError

from local_stack.errors import CommandError
from local_stack.faults.catalogue import FAULTS
from local_stack.faults.errors import FaultRefused, UnknownFault
from tests.unit.faults.given import NOW, Given

MOMENTARY = [name for name, each in FAULTS.items() if each.is_momentary]
LASTING = [name for name in FAULTS if name not in MOMENTARY]
UNREACHABLE = EndpointConnectionError(endpoint_url="http://127.0.0.1:1")


def on(given: Given) -> list[str]:
    return [state.name for state in given.switch.states() if state.is_on]


def test_at_first_all_faults_are_off_and_in_their_order(given: Given) -> None:
    states = given.switch.states()
    assert [state.name for state in states] == list(FAULTS)
    assert not any(state.is_on or state.began_at for state in states)


@pytest.mark.parametrize("name", LASTING)
def test_a_fault_is_on_from_its_begin_to_its_end(given: Given, name: str) -> None:
    begun = given.switch.begin(name)
    assert (begun.is_on, begun.began_at, on(given)) == (True, NOW, [name])
    ended = given.switch.end(name)
    assert (ended.is_on, ended.began_at, on(given)) == (False, NOW, [])
    assert given.effects[name].calls[-1] == "end"


@pytest.mark.parametrize("name", MOMENTARY)
def test_a_momentary_fault_is_never_on_and_cannot_be_ended(given: Given, name: str) -> None:
    for _ in range(2):
        assert given.switch.begin(name).began_at == NOW
        assert on(given) == []
    with pytest.raises(FaultRefused, match="cannot be ended"):
        given.switch.end(name)
    assert len(given.effects[name].calls) == 2


def test_what_a_fault_chooses_is_part_of_its_settings(given: Given) -> None:
    given.effects["poison-row"].chosen = {"account": "a-1", "row": "7"}
    state = given.switch.begin("poison-row")
    assert state.settings == {"account": "a-1", "row": "7"}
    assert state.repair == "account-events release a-1"


def test_settings_are_completed_before_the_fault_begins(given: Given) -> None:
    state = given.switch.begin("refused-entries", {"share": "0.5"})
    assert state.settings == {"share": "0.5", "seed": "1"}
    assert given.effects["refused-entries"].calls == [{"share": "0.5", "seed": "1"}]


@pytest.mark.parametrize("act", ["begin", "end"])
def test_an_unknown_fault_is_refused_with_the_known_ones(given: Given, act: str) -> None:
    with pytest.raises(UnknownFault, match=r"no fault 'earthquake'.*throttled-shard"):
        getattr(given.switch, act)("earthquake")


def test_a_fault_that_is_on_cannot_begin_again(given: Given) -> None:
    given.switch.begin("stopped-lake")
    with pytest.raises(FaultRefused, match="is on already"):
        given.switch.begin("stopped-lake")
    assert given.effects["stopped-lake"].calls == [{}]


def test_a_fault_that_is_off_cannot_be_ended(given: Given) -> None:
    with pytest.raises(FaultRefused, match="is off"):
        given.switch.end("stopped-lake")
    assert given.effects["stopped-lake"].calls == []


@pytest.mark.parametrize(("name", "other"), [(name, other) for name in FAULTS for other in FAULTS[name].conflicts])
def test_a_fault_without_effect_because_of_another_is_refused(given: Given, name: str, other: str) -> None:
    given.switch.begin(other)
    with pytest.raises(FaultRefused, match=f"faults end {other}"):
        given.switch.begin(name)
    given.switch.end(other)
    given.switch.begin(name)


@pytest.mark.parametrize("error", [UNREACHABLE, CommandError("The emulator has crashed."), OSError(111, "refused")])
def test_a_stack_that_has_stopped_refuses_with_what_to_do(given: Given, error: Exception) -> None:
    given.effects["stopped-lake"].error = error
    with pytest.raises(FaultRefused, match="make up") as refused:
        given.switch.begin("stopped-lake")
    assert "does not answer" in refused.value.reason
    assert on(given) == []


def test_a_fault_that_could_not_be_ended_stays_on(given: Given) -> None:
    given.switch.begin("stopped-lake")
    given.effects["stopped-lake"].error = UNREACHABLE
    with pytest.raises(FaultRefused, match="does not answer"):
        given.switch.end("stopped-lake")
    assert on(given) == ["stopped-lake"]


def test_leaving_ends_every_fault_even_if_one_cannot_be_ended(given: Given) -> None:
    with given.switch:
        for name in ("refused-entries", "stopped-lake", "poison-row"):
            given.switch.begin(name)
        given.effects["stopped-lake"].error = UNREACHABLE
    assert on(given) == ["stopped-lake"]
    assert given.closed == 1


def test_states_do_not_wait_for_a_change_in_progress(given: Given) -> None:
    reached, released = threading.Event(), threading.Event()

    def slow(_settings: object) -> dict[str, str]:
        reached.set()
        assert released.wait(30)
        return {}

    given.effects["stopped-lake"].begin = slow  # type: ignore[method-assign,assignment]
    thread = threading.Thread(target=given.switch.begin, args=("stopped-lake",))
    thread.start()
    assert reached.wait(30)
    assert on(given) == []
    released.set()
    thread.join(30)
    assert on(given) == ["stopped-lake"]
