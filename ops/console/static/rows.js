// An account's rows as cells, ten to a snapshot interval: each tenth is a snapshot. The rows that a read fetches are
// highlighted. The cells are a listbox, so arrow keys move between them.

import { accountLink, factList } from "./controls.js";
import { byId, element, setText } from "./dom.js";
import { change, direction, kindOf, moment, money } from "./format.js";

const INTERVAL = 10;
const KEYS = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -INTERVAL, ArrowDown: INTERVAL };
let found = null;
let selected = null; // a version
let isFollowing = true; // the newest row is selected, and stays so when a row is added

export function drawRows(given, before, page) {
    const isOther = found?.account_id !== given.account_id;
    if (isOther) isFollowing = true;
    found = given;
    const box = byId("account-rows");
    if (!box.firstChild) box.append(...skeleton());
    const versions = found.rows.map(row => row.version);
    if (isFollowing || !versions.includes(selected)) selected = versions[0];
    const hadFocus = byId("rows").contains(document.activeElement);
    byId("rows").replaceChildren(...intervals(found.rows, found.newest_version).map(line));
    select(selected, hadFocus);
    pages(before, page);
}

function skeleton() {
    return [
        element("h3", {}, "Rows in the table"),
        element("p.note", { id: "rows-note" }),
        element(
            "p.key",
            {},
            element("span", {}, element("i.mark-read"), "a read fetches it now"),
            element("span", {}, element("i.mark-snapshot"), "snapshot, the state after the events before it"),
        ),
        element("div", {
            id: "rows",
            class: "rows",
            role: "listbox",
            "aria-label": "Rows of the account, by version",
            keydown: move,
            click: pick,
        }),
        element("p.pages", { id: "rows-pages" }),
        element("div", { id: "row-facts", class: "row-facts" }),
    ];
}

/** Groups rows by snapshot interval, the newest interval first, and the rows of each from the first to the snapshot. */
function intervals(rows, newest_version) {
    const known = new Map(rows.map(row => [row.version, row]));
    const lines = [...new Set(rows.map(row => Math.ceil(row.version / INTERVAL)))].sort((one, other) => other - one);
    return lines.map(number =>
        Array.from({ length: INTERVAL }, (_, at) => {
            const version = (number - 1) * INTERVAL + at + 1;
            return (
                known.get(version) ?? { version, isFree: version > newest_version, isAway: version <= newest_version }
            );
        }),
    );
}

const line = rows =>
    element(
        "div.interval",
        { role: "group", "aria-label": `Versions ${rows[0].version} to ${rows.at(-1).version}` },
        rows.map(cell),
    );

function cell(row) {
    if (row.isFree || row.isAway) {
        const isNext = row.isFree && row.version % INTERVAL === 0;
        return element(
            "span.cell.free",
            { "aria-hidden": "true" },
            element("span.version", {}, row.version),
            isNext && element("span.small", {}, "next snapshot"),
        );
    }
    const kind = kindOf(row.kind);
    const classes = [
        "cell",
        kind,
        row.is_read && "is-read",
        row.is_snapshot && "is-snapshot",
        row.problem && "has-problem",
    ]
        .filter(Boolean)
        .join(" ");
    return element(
        "div",
        {
            role: "option",
            id: `row-${row.version}`,
            class: classes,
            "data-version": row.version,
            "aria-selected": "false",
            tabindex: "-1",
            "aria-label": spoken(row, kind),
        },
        element("span.version", {}, row.version),
        element("span.what", {}, change(row.kind, row.amount) || (row.is_snapshot ? SNAPSHOT() : kind)),
        element("span.balance", {}, row.problem ? "unreadable" : money(row.balance)),
    );
}

/** The word in full, and an abbreviation for narrow cells. */
const SNAPSHOT = () => [element("span.long", {}, "snapshot"), element("span.short", {}, "snap.")];

const spoken = (row, kind) =>
    [
        `Version ${row.version}`,
        `${kind} ${row.amount ? money(row.amount) : ""}`.trim(),
        row.counterparty && `transfer ${direction(row.kind)} account ${row.counterparty}`,
        row.problem ? "unreadable" : `balance ${money(row.balance)} ${row.currency ?? ""}`.trim(),
        row.is_read && "fetched by a read",
    ]
        .filter(Boolean)
        .join(", ");

function select(version, isFocused) {
    selected = version;
    for (const each of byId("rows").querySelectorAll("[role=option]")) {
        const isSelected = Number(each.dataset.version) === version;
        each.setAttribute("aria-selected", String(isSelected));
        each.tabIndex = isSelected ? 0 : -1;
        if (isSelected && isFocused) each.focus({ preventScroll: true });
        if (isSelected && isFocused) each.scrollIntoView({ block: "nearest" });
    }
    facts(found.rows.find(row => row.version === version));
}

function pick(event) {
    const option = event.target.closest("[role=option]");
    if (option) selectByHand(Number(option.dataset.version));
}

function selectByHand(version) {
    isFollowing = version === found.newest_version;
    select(version, true);
}

function move(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return; // the browser's own: Alt and the left arrow go back
    const versions = found.rows.map(row => row.version);
    const wanted =
        event.key === "Home" ? versions.at(-1) : event.key === "End" ? versions[0] : selected + toLine(event.key);
    if (!(event.key in KEYS) && event.key !== "Home" && event.key !== "End") return;
    event.preventDefault();
    if (versions.includes(wanted)) selectByHand(wanted);
}

/** Newer intervals are above, so the arrow up leads to a higher version. */
const toLine = key => (Math.abs(KEYS[key]) === INTERVAL ? -KEYS[key] : KEYS[key]);

/** Shows the attributes of the selected row. */
function facts(row) {
    const names = {
        Kind: kindOf(row.kind),
        Time: moment(row.at),
        Sequence: row.sequence,
        Amount: change(row.kind, row.amount) || null,
        Balance: row.balance && `${money(row.balance)} ${row.currency ?? ""}`,
        "Transferred to": direction(row.kind) === "to" && row.counterparty && accountLink(row.counterparty),
        "Transferred from": direction(row.kind) === "from" && row.counterparty && accountLink(row.counterparty),
        "Transfer id": row.transfer_id,
        Problem: row.problem,
        Owner: row.owner,
        "Correlation id": row.correlation_id,
        "Request id": row.request_id,
        "Idempotency key": row.command_id,
    };
    byId("row-facts").replaceChildren(element("h4", {}, `Version ${row.version}`), factList(names));
}

/** Explains what a read does with the account's rows. */
function readNote() {
    const read = found.rows.filter(row => row.is_read);
    const rows = read.length === 1 ? "the only row" : `the newest ${read.length} rows`;
    const begins = read.some(row => row.is_snapshot && !row.problem)
        ? "It begins with the newest snapshot among them and folds the events after it."
        : "There is no snapshot yet, so it folds the events from the first one on.";
    return `A read fetches ${rows} with one query, whatever the account’s age. ${begins}`;
}

function pages(before, page) {
    setText(
        byId("rows-note"),
        before ? `Older rows, before version ${before}. A read does not fetch them.` : readNote(),
    );
    byId("rows-pages").replaceChildren(
        ...(found.next_before
            ? [element("button.quiet", { type: "button", click: () => page(found.next_before) }, "Older rows")]
            : []),
        ...(before ? [element("button.quiet", { type: "button", click: () => page(null) }, "Newest rows")] : []),
    );
}

/** Marks the row of a step of the fold. */
export function markStep(version) {
    for (const each of byId("rows")?.querySelectorAll("[role=option]") ?? []) {
        each.classList.toggle("at-step", Number(each.dataset.version) === version);
    }
}
