// Domain events as they arrive from Kinesis: the newest first, at most 200 of them in the page.

import { chosenAccount, whenChosen } from "./choice.js";
import { accountLink, factList } from "./controls.js";
import { announce, byId, element, inFrame, setText } from "./dom.js";
import { change, clock, count, counted, direction, duration, kindOf, money } from "./format.js";

const SHOWN_MAX = 200;
const PAUSE_MS = 250;
const BUILT_MAX = 50; // rows at a time, so that input need not wait for a flood of events
const KNOWN_MAX = 50_000;
let kept = []; // the newest events, newest first
let waiting = 0; // arrived while paused
let isPaused = false;
let canSend = false;
const accounts = new Set();
const seen = { events: 0, repeats: 0, gaps: 0 };

/** Adds events in the order in which they arrived. */
export function addEvents(events) {
    kept = [...events.toReversed(), ...kept].slice(0, SHOWN_MAX);
    for (const { account_id, order } of events) {
        if (accounts.size < KNOWN_MAX) accounts.add(account_id);
        seen.events += 1;
        seen.repeats += order === "repeat" ? 1 : 0;
        seen.gaps += order === "gap" ? 1 : 0;
    }
    if (isPaused) waiting += events.length;
    draw();
}

/** Shows the first steps while there are no events, if commands can be sent. */
export function offerFirstSteps(isPossible) {
    canSend = isPossible;
    draw();
}

const draw = inFrame(() => {
    if (!isPaused) drawRows();
    setText(byId("events-order"), summary());
    setText(byId("events-pause"), isPaused ? `Resume${waiting ? `, ${count(waiting)} new` : ""}` : "Pause");
}, PAUSE_MS);

function summary() {
    if (!seen.events) return "";
    const of = accounts.size < KNOWN_MAX ? counted(accounts.size, "account") : `more than ${count(KNOWN_MAX)} accounts`;
    const order = seen.gaps ? `${counted(seen.gaps, "event")} after a gap` : "each account in order";
    const repeats = seen.repeats ? `, ${counted(seen.repeats, "repeat")}` : "";
    return `${counted(seen.events, "event")} of ${of}, ${order}${repeats}`;
}

function drawRows() {
    const only = byId("events-only").checked ? chosenAccount() : "";
    const wanted = only ? kept.filter(event => event.account_id === only) : kept;
    const body = byId("events");
    const old = new Map(
        [...body.children].filter(row => !row.classList.contains("more")).map(row => [row.dataset.key, row]),
    );
    const open = new Map([...body.querySelectorAll("tr.more")].map(row => [row.dataset.key, row]));
    const rows = [];
    let built = 0;
    for (const event of wanted) {
        const key = keyOf(event);
        if (!old.has(key) && (built += 1) > BUILT_MAX) break;
        const row = old.get(key) ?? build(event, key);
        row.classList.toggle("chosen", event.account_id === chosenAccount());
        rows.push(row);
        if (open.has(key)) rows.push(open.get(key));
    }
    if (built > BUILT_MAX) draw(); // the others follow, unless newer events take their rows
    place(body, rows);
    const none = byId("events-none");
    none.hidden = wanted.length > 0;
    byId("first-steps").hidden = kept.length > 0 || !canSend;
    setText(
        none,
        only
            ? "No event of the chosen account has arrived since this page was opened."
            : "No event has arrived since this page was opened.",
    );
}

/** Makes the rows those of the body without moving the ones that stay, so that focus and position are kept. */
function place(body, rows) {
    const wanted = new Set(rows);
    for (const row of [...body.children]) if (!wanted.has(row)) row.remove();
    let next = body.firstChild;
    for (const row of rows) {
        if (row === next) next = next.nextSibling;
        else body.insertBefore(row, next);
    }
}

/** An event may arrive again, from another place of the stream. */
const keyOf = event => `${event.event_id} ${event.shard_id} ${event.sequence_number} ${event.seen_at}`;

function build(event, key) {
    const { fields = {}, lag = {} } = event;
    const kind = kindOf(event.type);
    const occurred = clock(event.occurred_at, true);
    const button = element(
        "button.link",
        {
            type: "button",
            "aria-expanded": "false",
            "data-control": "fields",
            click: () => toggle(row, event, key, button),
        },
        element("span.nth", {}, `#${event.sequence} `),
        kind,
    );
    const row = element(
        `tr.${kind}`,
        { "data-key": key },
        element(
            "td.text",
            {},
            element(
                "time",
                { datetime: event.occurred_at },
                occurred.slice(0, 8),
                element("span.fraction", {}, occurred.slice(8)),
            ),
        ),
        element("th.text", { scope: "row" }, accountLink(event.account_id)),
        element(
            "td.text",
            {},
            button,
            fields.counterparty_account_id && [
                element("span.aside", {}, ` ${direction(event.type)} `),
                accountLink(fields.counterparty_account_id),
            ],
            event.order === "repeat" && element("span.tag.small", {}, "repeat"),
            event.order === "gap" && element("span.tag.small.caution", {}, "after a gap"),
        ),
        element("td.amount", {}, change(event.type, fields.amount)),
        element("td.wide-only", {}, money(fields.balance)),
        element("td.wide-only", {}, duration(lag.to_stream_ms)),
        element("td.wide-only", {}, duration(lag.to_console_ms)),
    );
    return row;
}

/** Opens or closes the row with the event's decoded fields. */
function toggle(row, event, key, button) {
    const isOpen = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!isOpen));
    if (isOpen) {
        row.nextElementSibling?.remove();
        return;
    }
    const facts = {
        ...event.fields,
        shard: event.shard_id,
        "sequence number": event.sequence_number,
        "arrived at": event.arrived_at,
        "row to stream": duration(event.lag?.to_stream_ms),
        "stream to page": duration(event.lag?.to_console_ms),
    };
    row.after(element("tr.more", { "data-key": key }, element("td.text", { colspan: "7" }, factList(facts))));
}

export function listenToEvents() {
    byId("events-pause").addEventListener("click", () => {
        isPaused = !isPaused;
        if (!isPaused) waiting = 0;
        byId("events-pause").setAttribute("aria-pressed", String(isPaused));
        announce(isPaused ? "The table of events is paused." : "The table of events is live.");
        draw();
    });
    byId("events-only").addEventListener("change", draw);
    whenChosen(draw);
    draw();
}
