"""The chosen account on the console's page: its rows, what a read fetches, and the fold."""

from collections.abc import Callable

from tests.e2e.console import given
from tests.e2e.console.fake_server import FakeConsole
from tests.e2e.console.viewed import Viewed

View = Callable[..., Viewed]
ACCOUNT, OTHER = given.account_id(1), given.account_id(2)
CHOSEN = f"#account={ACCOUNT}"


def test_snapshots_and_the_ten_rows_of_a_read_are_marked(view: View, console: FakeConsole) -> None:
    console.versions = {ACCOUNT: 24}
    page = view(CHOSEN)
    page.counts("#rows [role=option]", 24)
    assert page.texts(".is-snapshot .version") == ["20", "10"]
    read = sorted(int(version) for version in page.texts(".is-read .version"))
    assert read == list(range(15, 25))
    newest = page.tab.get_by_role("option", name="Version 24")
    label = "Version 24, withdrawal 9.80, balance 169.15 EUR, fetched by a read"
    assert newest.get_attribute("aria-label") == label
    assert [each for each in page.texts(".cell.free") if "snapshot" in each] == ["30\nnext snapshot"]


def test_the_facts_of_a_transfers_row_lead_to_the_other_account(view: View, console: FakeConsole) -> None:
    rows = given.rows(3)
    rows[2] |= {"transfer_id": "t-1", "counterparty": OTHER}
    console.versions = {ACCOUNT: 3, OTHER: 3}
    console.account_changes = {"rows": rows[::-1]}
    page = view(CHOSEN)
    option = page.tab.get_by_role("option", name="Version 3")
    assert f"withdrawal 6.65, transfer to account {OTHER}, balance" in (option.get_attribute("aria-label") or "")
    page.shows("#row-facts", "t-1")
    console.account_changes = {}
    page.tab.locator("#row-facts").get_by_role("button", name=OTHER[:8]).click()
    page.shows("#account-head", OTHER)


def test_arrow_keys_move_between_the_rows(view: View, console: FakeConsole) -> None:
    console.versions = {ACCOUNT: 24}
    page = view(CHOSEN)
    page.tab.get_by_role("option", name="Version 24").focus()
    for key, version in (("ArrowLeft", 23), ("ArrowDown", 13), ("ArrowUp", 23), ("Home", 1), ("End", 24)):
        page.tab.keyboard.press(key)
        assert page.focused().startswith(f"Version {version},")
        assert page.text("#row-facts h4") == f"Version {version}"
    page.tab.keyboard.press("ArrowRight")  # there is no row 25
    page.tab.keyboard.press("ArrowLeft")
    page.shows("#row-facts", "request-0023")
    page.shows("#row-facts", "key-23")


def test_the_slider_shows_the_state_after_each_step(view: View, console: FakeConsole) -> None:
    console.versions = {ACCOUNT: 24}
    page = view(CHOSEN)
    slider = page.tab.get_by_role("slider", name="Step of the fold")
    page.shows("#fold-state", "169.15 EUR after version 24, withdrawal \u22129.80, event 22")
    slider.focus()
    page.tab.keyboard.press("ArrowLeft")
    page.shows("#fold-state", "178.95 EUR after version 23, credit +22.85, event 21")
    assert page.texts("#fold-steps .later th") == ["24"]
    assert page.text(".at-step .version") == "23"
    page.tab.keyboard.press("Home")
    page.shows("#fold-state", "143.05 EUR after version 20, snapshot, event 18")
    assert slider.get_attribute("aria-valuetext") == "Version 20, snapshot: balance 143.05 EUR, event 18"


def test_a_new_event_of_the_account_extends_its_rows_and_fold(view: View, console: FakeConsole) -> None:
    console.versions = {ACCOUNT: 4}
    page = view(CHOSEN)
    page.is_live()
    page.shows("#fold-note", "has no snapshot yet")
    console.versions[ACCOUNT] = 5
    console.publish(given.events_of(ACCOUNT, 5)[-1])
    page.shows("#row-facts h4", "Version 5")
    page.shows("#fold-state", "after version 5")


def test_older_rows_are_read_page_by_page(view: View, console: FakeConsole) -> None:
    console.versions = {ACCOUNT: 124}
    page = view(CHOSEN)
    page.counts("#rows [role=option]", 50)
    page.tab.get_by_role("button", name="Older rows").click()
    page.shows("#rows-note", "Older rows, before version 75. A read does not fetch them.")
    page.tab.get_by_role("button", name="Newest rows").click()
    page.shows("#rows-note", "A read fetches the newest 10 rows")
    page.counts("#rows .is-read", 10)


def test_the_headline_stays_current_over_older_rows(view: View, console: FakeConsole) -> None:
    console.versions = {ACCOUNT: 124}
    page = view(CHOSEN)
    page.is_live()
    newest = given.rows(125)[-1]
    page.tab.get_by_role("button", name="Older rows").click()
    page.shows("#rows-note", "Older rows")
    console.versions = {ACCOUNT: 125}
    console.publish(given.published(ACCOUNT, newest))
    page.shows("#account-head", "owned by owner-1")
    page.shows(".headline div:has-text('in the table') dd >> nth=0", str(newest["sequence"]))
    page.shows("#account-head dd >> nth=0", newest["balance"][-6:])


def test_keys_of_the_browser_stay_the_browsers(view: View, console: FakeConsole) -> None:
    console.versions = {ACCOUNT: 24}
    page = view(CHOSEN)
    page.tab.get_by_role("option", name="Version 24").focus()
    page.evaluate("() => addEventListener('keydown', event => { window.isTaken = event.defaultPrevented; })")
    for keys, is_taken in (("Alt+ArrowLeft", False), ("Control+Home", False), ("ArrowLeft", True)):
        page.evaluate("() => { window.isTaken = null; }")
        page.tab.keyboard.press(keys)
        assert page.evaluate("() => window.isTaken") is is_taken, keys


def test_the_fragment_keeps_the_chosen_account(view: View, console: FakeConsole) -> None:
    console.versions = {ACCOUNT: 3, OTHER: 4}
    console.accounts = given.accounts([1, 2])
    page = view(CHOSEN)
    page.shows("#account-head", ACCOUNT)
    page.tab.locator("#accounts button").nth(1).click()
    page.shows("#account-head", OTHER)
    assert page.tab.url.endswith(f"#account={OTHER}")
    assert page.tab.locator("#accounts [aria-current]").get_attribute("title") == OTHER
    page.tab.go_back()
    page.shows("#account-head", ACCOUNT)
    page.tab.reload()
    page.shows("#account-head", ACCOUNT)


def test_accounts_are_found_by_the_beginning_of_an_id(view: View, console: FakeConsole) -> None:
    console.accounts = given.accounts(range(60))
    page = view()
    page.counts("#accounts li", 50)
    page.tab.get_by_label("Find by id").fill(OTHER[:6])
    page.counts("#accounts li", 1)
    page.tab.get_by_label("Find by id").fill("zzz")
    page.shows("#accounts-none", "No known account begins with this.")


def test_an_unknown_account_is_reported(view: View) -> None:
    page = view("#account=nobody")
    page.shows("#account-none", "The table has no account nobody.")


def test_a_parked_and_waiting_account_shows_its_commands(view: View, console: FakeConsole) -> None:
    status = given.troubled_status()
    console.versions = {ACCOUNT: 12}
    console.account_changes = {
        "parked": status["parked"][0],
        "waiting": status["gaps"][0],
        "read_model": {"sequence": 6, "balance": "1.00"},
    }
    page = view(CHOSEN)
    page.shows("#account-head", "Parked: event 7 cannot be published")
    page.shows("#account-head", "The read model waits for event 12.")
    page.shows("#account-head", "5 events behind")
    assert page.texts("#account-head code")[1:] == [
        *(status["parked"][0]["command"], "docs/runbook.md#projectorparks"),
        *(status["gaps"][0]["command"], "docs/runbook.md#accountsbyownerwaits"),
    ]


def test_a_row_that_cannot_be_read_is_marked_with_its_problem(view: View, console: FakeConsole) -> None:
    nothing = dict.fromkeys(("sequence", "at", "amount", "balance", "owner", "currency", "correlation_id"))
    [opened] = given.rows(1)
    problem = "The type TRANSFER is not known."
    poison = {**opened, **nothing, "version": 2, "kind": "TRANSFER", "problem": problem}
    console.versions = {ACCOUNT: 1}
    console.account_changes = {"rows": [poison, opened], "newest_version": 2, "problem": problem}
    page = view(CHOSEN)
    page.shows("#account-head", problem)
    page.shows("#row-facts", problem)
    assert page.tab.get_by_role("option", name="Version 2").get_attribute("aria-label") == (
        "Version 2, transfer, unreadable, fetched by a read"
    )
