// The path of an event: five hops from left to right, with the state and the lag of each.

import { announce, byId, element, reconcile } from "./dom.js";
import { clock, duration } from "./format.js";

const HOPS = {
    ledger: ["Ledger", "DynamoDB table, one row per event"],
    projector: ["Projector", "Lambda function, turns rows into domain events"],
    stream: ["Stream", "Kinesis, each account’s events in order"],
    "read model": ["Read model", "Accounts by owner, applies each event once"],
    lake: ["Lake", "Firehose and S3, the full history for Athena"],
};
export const STATES = {
    working: ["good", "✓", "working"],
    waiting: ["caution", "!", "waiting"],
    stopped: ["bad", "✕", "stopped"],
    unknown: ["unknown", "?", "unknown"],
};
const PULSE_MS = 900;

/** Returns a hop's name for the page. */
export const hopName = name => (HOPS[name] ?? [name])[0];

/** Shows the hops before anything is known of them. */
export function drawEmptyPath() {
    new ResizeObserver(keepFocusVisible).observe(byId("path-bar"));
    draw(Object.keys(HOPS).map(name => ({ name, state: "unknown", lag_ms: null, detail: "" })));
}

/** Focused elements and headings are scrolled to below the path, which stays in view on large screens. */
function keepFocusVisible() {
    const bar = byId("path-bar");
    const height = getComputedStyle(bar).position === "sticky" ? bar.offsetHeight : 0;
    document.documentElement.style.scrollPaddingTop = `${height + 16}px`;
}

let states = {};
let last = null; // the hops of the last status of a reachable stack

/** Shows the hops as unknown: nobody reports them at present. */
export function forgetPath() {
    if (last)
        draw(
            last.hops.map(hop => ({
                ...hop,
                state: "unknown",
                lag_ms: null,
                detail: `${STATES[hop.state]?.[2] ?? hop.state} at ${clock(last.at)}`,
            })),
        );
}

/** Shows the hops of a status, and announces those whose state has changed. */
export function showPath({ hops, is_reachable, at }) {
    if (is_reachable) last = { hops, at };
    if (is_reachable) draw(hops);
    else forgetPath();
    for (const { name, state } of hops) {
        if (states[name] && states[name] !== state) announce(`${hopName(name)}: ${STATES[state]?.[2] ?? state}`);
        states = { ...states, [name]: state };
    }
}

function draw(hops) {
    reconcile(byId("path"), hops, hop => hop.name, build);
}

function build({ name, state, lag_ms, detail }) {
    const [title, what] = HOPS[name] ?? [name, ""];
    const [tone, symbol, word] = STATES[state] ?? STATES.unknown;
    return element(
        "li.hop",
        { "data-hop": name, "data-state": state },
        element(`span.dot.${tone}`, { "aria-hidden": "true" }, symbol),
        element(
            "div",
            {},
            element("h3", {}, title),
            element(
                "p.state",
                {},
                element(`strong.${tone}-ink`, {}, word),
                lag_ms === null || lag_ms === undefined || (state !== "working" && !lag_ms)
                    ? null
                    : [" ", element("span.lag", {}, element("span.unseen", {}, "lag "), duration(lag_ms))],
            ),
            element("p.aside", {}, state === "working" ? what : detail || what),
        ),
    );
}

let pulsing = null;

/** Lets a light travel along the path once: events have arrived. */
export function pulse() {
    if (pulsing) return;
    byId("path").classList.add("pulse");
    pulsing = setTimeout(() => {
        byId("path").classList.remove("pulse");
        pulsing = null;
    }, PULSE_MS);
}
