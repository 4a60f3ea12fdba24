"""The console's page on a fake server: what it shows, and what it sends."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.e2e.console import given
from tests.e2e.console.fake_server import FakeConsole
from tests.e2e.console.viewed import Viewed

View = Callable[..., Viewed]
ACCOUNT = given.account_id(1)
CHOSEN = f"#account={ACCOUNT}"


def test_an_empty_stack_shows_the_first_steps(view: View) -> None:
    page = view()
    page.shows("#stack-name", "account-events-local")
    page.shows("#events-none", "No event has arrived")
    page.shows("#first-steps", "Open an account with the form")
    page.shows("#accounts-none", "No accounts yet")
    page.shows("#account-none", "Choose an account")
    page.shows("#attention-summary", "Nothing: no stoppage, no alarm")


def test_the_path_shows_the_state_and_the_lag_of_each_hop(view: View, console: FakeConsole) -> None:
    console.status = given.troubled_status()
    page = view()
    page.shows("#path", "stopped")
    assert [" ".join(text.split()) for text in page.texts(".hop h3, .hop .state")] == [
        *("Ledger", "working", "Projector", "stopped lag 3 min", "Stream", "working lag 131 ms"),
        *("Read model", "waiting lag 9.3 s", "Lake", "unknown"),
    ]


def test_a_new_account_is_chosen_and_its_event_appears(view: View, console: FakeConsole) -> None:
    page = view()
    page.is_live()
    page.tab.get_by_role("button", name="Open an account").click()
    page.shows("#send-result", "The account was opened. Balance 0.00 EUR, event 1.")
    page.shows("#events", "opened")
    [(path, body)] = console.posts
    assert (path, body) == ("/api/commands", {"kind": "open", "owner": "owner-1", "currency": "EUR"})
    [account] = console.versions
    page.shows("#account-head", account)
    assert page.tab.url.endswith(f"#account={account}")
    page.tab.get_by_role("button", name="Credit", exact=True).click()
    page.shows("#send-result", "Credited.")
    assert console.posts[1][1] == {"kind": "credit", "account_id": account, "amount": "10.00"}
    page.counts("#events tr", 2)


def test_a_double_click_opens_an_account_and_credits_nothing(view: View, console: FakeConsole) -> None:
    """After the first click the button is that of a credit."""
    page = view()
    button = page.tab.locator("#send-button")
    button.click()
    page.shows("#send-button", "Credit")
    button.dispatch_event("click", {"detail": 2})
    page.shows("#send-result", "The account was opened")
    assert [body["kind"] for _, body in console.posts] == ["open"]
    button.click()
    page.shows("#send-result", "Credited")
    assert [body["kind"] for _, body in console.posts] == ["open", "credit"]


def test_several_commands_are_sent_one_after_the_other(view: View, console: FakeConsole) -> None:
    console.versions = {ACCOUNT: 3}
    page = view(CHOSEN)
    page.tab.get_by_text("With an idempotency key").click()
    page.tab.get_by_label("Times").fill("3")
    page.tab.get_by_label("Idempotency key").fill("key-1")
    page.tab.get_by_role("button", name="Credit 3 times").click()
    page.shows("#send-result", "3 of 3 commands accepted.")
    credit = {"kind": "credit", "account_id": ACCOUNT, "amount": "10.00", "idempotency_key": "key-1"}
    assert console.posts == [("/api/commands", credit)] * 3


def test_a_transfer_names_both_accounts(view: View, console: FakeConsole) -> None:
    console.versions = {ACCOUNT: 3}
    page = view(CHOSEN)
    receiver = page.tab.get_by_label("Receiving account")
    expect(receiver).to_be_hidden()
    page.tab.get_by_role("radio", name="Transfer").check()
    page.tab.get_by_role("button", name="Transfer").click()
    page.shows("#send-result", "Fill in: receiving account.")
    assert page.focused() == "Receiving account"
    receiver.fill(f" {given.account_id(2)} ")
    page.tab.keyboard.press("Enter")
    page.shows("#send-result", "Transferred.")
    transfer = {"kind": "transfer", "account_id": ACCOUNT, "to": given.account_id(2), "amount": "10.00"}
    assert console.posts == [("/api/commands", transfer)]


def test_the_counterparty_of_a_transfer_is_a_link_to_its_account(view: View, console: FakeConsole) -> None:
    other = given.account_id(2)
    console.versions = {ACCOUNT: 3, other: 3}
    page = view(CHOSEN)
    page.is_live()
    _, credited, withdrawn = given.events_of(ACCOUNT, 3)
    for event in (credited, withdrawn):
        transfer = {"transfer_id": "t-1", "counterparty_account_id": other}
        console.publish({**event, "fields": {**event["fields"], **transfer}})
    page.counts("#events tr", 2)
    assert [" ".join(text.split()) for text in page.texts("#events tr td:nth-child(3)")] == [
        f"#3withdrawal to {other[:8]}…",
        f"#2credit from {other[:8]}…",
    ]
    page.tab.locator(f"#events [title='{other}']").first.click()
    page.shows("#account-head", other)


def test_a_form_with_an_empty_field_sends_nothing(view: View, console: FakeConsole) -> None:
    page = view()
    page.tab.get_by_role("radio", name="Withdraw").check()
    page.tab.get_by_role("button", name="Withdraw").click()
    page.shows("#send-result", "Fill in: account.")
    assert page.focused() == "Account"
    assert console.posts == []


def test_a_refused_command_shows_the_reason(view: View, console: FakeConsole) -> None:
    problem = {"type": "about:blank", "title": "Insufficient funds", "detail": "The balance is 5.00.", "status": 422}
    console.command_answer = lambda _: (200, {"status": 422, "body": problem, "request_id": "r-9", "took_ms": 12})
    console.versions = {ACCOUNT: 3}
    page = view(CHOSEN)
    page.tab.get_by_role("radio", name="Withdraw").check()
    page.tab.get_by_role("button", name="Withdraw").click()
    page.shows("#send-result", "The balance is 5.00.")
    page.shows("#send-result", "Status 422, 12 ms, request r-9")


def test_a_deployed_stack_is_read_only(view: View, console: FakeConsole) -> None:
    console.stack = given.stack(is_local=False)
    page = view()
    page.shows("#mode", "deployed stack, read-only")
    page.shows("#send-refused", "never sends a command to a deployed stack")
    page.shows("#faults-note", "breaks nothing in a deployed stack")
    for selector in ("#send", "#faults", "#swagger", "#first-steps"):
        expect(page.tab.locator(selector)).to_be_hidden()
    page.tab.get_by_role("button", name="Run doctor").click()
    page.shows("#run-doctor", "Running doctor")
    assert console.posts == [("/api/doctor", {})]


def test_events_are_shown_newest_first_with_repeats_marked(view: View, console: FakeConsole) -> None:
    page = view()
    page.is_live()
    first, second, third = given.events_of(ACCOUNT, 3)
    console.publish(first, second)
    console.publish({**second, "sequence_number": "9", "seen_at": given.at(9), "order": "repeat"}, third)
    page.counts("#events tr", 4)
    assert page.texts("#events .nth") == ["#3", "#2", "#2", "#1"]
    assert page.texts("#events .tag") == ["repeat"]
    assert page.text("#events-order") == "4 events of 1 account, each account in order, 1 repeat"
    console.publish({**third, "sequence": 7, "event_id": f"{ACCOUNT}:7", "order": "gap"})
    page.shows("#events-order", "1 event after a gap")


def test_the_fields_of_an_event_open_and_stay_open(view: View, console: FakeConsole) -> None:
    page = view()
    page.is_live()
    hostile = "<img src=x onerror=\"document.title='ran'\">"
    opened, credited, *_ = given.events_of(ACCOUNT, 3)
    console.publish({**opened, "fields": {**opened["fields"], "owner": hostile}})
    page.tab.get_by_role("button", name="#1 opened").click()
    page.shows("tr.more", hostile)
    page.shows("tr.more", "shardId-000000000001")
    console.publish(credited)
    page.counts("#events tr", 3)
    assert page.tab.title() == "account-events-local: Account Events console"
    page.tab.get_by_role("button", name="#1 opened").click()
    page.counts("tr.more", 0)


def test_a_paused_table_keeps_its_events_until_it_resumes(view: View, console: FakeConsole) -> None:
    page = view()
    page.is_live()
    first, *others = given.events_of(ACCOUNT, 9)
    console.publish(first)
    page.counts("#events tr", 1)
    page.tab.get_by_role("button", name="Pause").click()
    console.publish(*others)
    page.shows("#events-pause", "Resume, 8 new")
    page.counts("#events tr", 1)
    page.tab.get_by_role("button", name="Resume").click()
    page.counts("#events tr", 9)


def test_the_page_shows_at_most_200_of_many_events(view: View, console: FakeConsole) -> None:
    page = view()
    page.is_live()
    for number in range(300):
        console.publish(*given.events_of(given.account_id(number), 12))
    page.shows("#events-order", "3\u202f300 events of 300 accounts, each account in order")
    page.counts("#events tr", 200)


def test_only_the_events_of_the_chosen_account_are_shown(view: View, console: FakeConsole) -> None:
    console.versions = {ACCOUNT: 3}
    page = view(CHOSEN)
    page.is_live()
    console.publish(*given.events_of(given.account_id(2), 5), *given.events_of(ACCOUNT, 3))
    page.counts("#events tr", 8)
    page.tab.get_by_label("Only the chosen account").check()
    page.counts("#events tr", 3)


def test_everything_wrong_is_listed_with_its_command(view: View, console: FakeConsole) -> None:
    console.status, console.findings = given.troubled_status(), given.findings()
    page = view()
    page.shows("#attention-summary", "1 stoppage, 2 alarms, 2 parked accounts, 2 discarded batches, 1 gap, 1 delay")
    page.shows("#attention-summary", "2 findings of doctor, 1 incomplete check")
    status, findings = console.status, console.findings
    commands = [
        status["hops"][1]["command"],
        *(each["command"] for each in [*status["parked"], status["failed_batches"], *status["gaps"]]),
        *(each["repair"] or each["look"] for each in findings["findings"]),
    ]
    assert page.texts("#attention-groups .command code") == commands
    page.tab.locator("#attention-groups .copy").nth(1).click()
    page.shows("#attention-groups .copy >> nth=1", "Copied")
    assert page.evaluate("() => navigator.clipboard.readText()") == commands[1]


def test_a_new_status_keeps_the_focus_and_announces_changes(view: View, console: FakeConsole) -> None:
    console.status = given.troubled_status()
    page = view()
    copy = page.tab.locator("#attention-groups .copy").nth(1)
    copy.focus()
    name = page.focused()
    parked = given.troubled_status()["parked"]
    console.send("status", given.status(parked=[{**parked[0], "reason": "another reason"}]))
    page.shows("#attention-summary", "1 parked account.")
    assert page.focused() == name
    page.shows("#announcer", "1 parked account.")


def test_the_focus_is_kept_in_an_account_with_a_hostile_id(view: View, console: FakeConsole) -> None:
    [parked, _] = given.troubled_status()["parked"]
    parked |= {"account_id": 'a"]b\\', "command": "account-events release 'a\"]b\\'"}
    console.status = given.status(parked=[parked])
    page = view()
    page.tab.locator("#attention-groups .link").focus()
    console.send("status", given.status(parked=[{**parked, "reason": "another reason"}]))
    page.shows("#attention-groups", "another reason")
    assert page.focused() == parked["account_id"]
    page.tab.locator("#attention-groups .copy").focus()
    console.send("status", given.status(parked=[{**parked, "reason": "a third reason"}]))
    page.shows("#attention-groups", "a third reason")
    assert page.focused().endswith(parked["command"])
    assert page.messages == []


def test_a_fault_begins_with_its_settings_and_ends(view: View, console: FakeConsole) -> None:
    page = view()
    refused = page.tab.get_by_role("button", name="Refused entries")
    expect(refused).to_have_attribute("aria-pressed", "false")
    page.tab.locator(".fault", has_text="Refused entries").get_by_label("Share").fill("0.5")
    refused.click()
    expect(refused).to_have_attribute("aria-pressed", "true")
    page.shows("#faults-on", "Fault on: Refused entries")
    page.tab.get_by_role("button", name="End all faults").click()
    expect(refused).to_have_attribute("aria-pressed", "false")
    page.tab.get_by_role("button", name="Do it once (Killed projector)").click()
    page.shows(".fault:has-text('Killed projector') .result", "Nothing is left to repair.")
    assert console.posts == [
        ("/api/faults/refused-entries", {"on": True, "settings": {"share": "0.5"}}),
        ("/api/faults", {"on": False}),
        ("/api/faults/killed-projector", {"on": True, "settings": {}}),
    ]


def test_a_fault_that_could_not_be_ended_is_named(view: View, console: FakeConsole) -> None:
    console.status = given.status(faults=given.faults({"stopped-lake", "refused-entries"}))
    page = view()
    page.shows("#faults-on", "Faults on: Refused entries, Stopped lake")
    console.refusals["/api/faults"] = 200, {"faults": given.faults({"stopped-lake"})}
    page.tab.get_by_role("button", name="End all faults").click()
    page.shows("#faults-on", "Could not be ended: Stopped lake. Its switch below shows why.")
    page.shows("#announcer", "Could not be ended: Stopped lake.")


def test_a_new_terminal_is_prepared_for_the_commands(view: View, console: FakeConsole) -> None:
    page = view()
    page.shows("#attention-summary", "Nothing")
    expect(page.tab.locator("#preparation")).to_be_hidden()
    console.send("status", given.troubled_status())
    page.shows("#preparation", "Run the commands in another terminal. Type there first, once:")
    assert page.texts("#preparation code") == [console.stack["preparation"]]


def test_a_refused_fault_shows_the_reason(view: View, console: FakeConsole) -> None:
    page = view()
    refusal = {"code": "fault_refused", "message": "There is no account.", "advice": "Open one."}
    console.refusals["/api/faults/poison-row"] = 409, refusal
    page.tab.get_by_role("button", name="Poison row").click()
    page.shows(".fault:has-text('Poison row') .refusal", "There is no account. Open one.")


def test_the_charts_are_drawn_when_asked_for(view: View, console: FakeConsole) -> None:
    page = view()
    page.tab.get_by_role("button", name="Draw the charts").click()
    page.shows("#charts", "The lake has no events yet.")
    console.charts = given.CHARTS
    page.tab.get_by_role("button", name="Draw again").click()
    page.counts("#charts svg", 2)
    page.tab.get_by_text("In figures: Busiest from 14 to 15").click()
    assert page.texts("#charts details[open] td") == ["120", "48", "96", "31"]
    page.tab.locator("#charts-day").select_option("2026-09-29")
    page.shows("#charts", "Busiest")
    assert console.paths[-1] == "/api/charts?day=2026-09-29"
    hostile = given.CHARTS["charts"][0] | {"svg": '<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>'}
    console.charts = given.CHARTS | {"charts": [hostile]}
    page.tab.get_by_role("button", name="Draw again").click()
    page.shows("#charts", "The chart could not be drawn.")
