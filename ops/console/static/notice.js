// The page's connection to its server and the server's to the stack: what is wrong and what to do, in one notice.

import { byId, element, prose, setText } from "./dom.js";
import { moment } from "./format.js";

const TAGS = {
    live: ["good", "live"],
    connecting: ["unknown", "connecting"],
    lost: ["bad", "not connected"],
    unreachable: ["bad", "stack not reachable"],
    refused: ["bad", "refused"],
};
let connection = { problem: null, isRetried: true, retry: null };
let unreachable = null;

/** Reports the connection to the console's server: null if it is open. */
export function showConnection(problem, isRetried, retry) {
    connection = { problem, isRetried, retry };
    draw(problem ? null : "live");
}

/** Reports whether the server reaches the stack. */
export function showReachable({ is_reachable, reason, advice, at }) {
    unreachable = is_reachable ? null : { reason, advice, at };
    draw();
}

function draw() {
    const { problem, isRetried, retry } = connection;
    const state = problem ? (isRetried ? "lost" : "refused") : unreachable ? "unreachable" : "live";
    tag(state);
    if (problem) show("bad", "✕", ...textOf(problem, isRetried), isRetried ? null : retry);
    else if (unreachable)
        show(
            "bad",
            "✕",
            `The stack is not reachable. ${unreachable.reason ?? ""}`,
            `${unreachable.advice ?? ""} The console tries again by itself.`,
        );
    else if (byId("notice").firstChild) byId("notice").replaceChildren();
}

function tag(state) {
    const [tone, word] = TAGS[state];
    const shown = byId("connection");
    shown.className = `tag ${tone}`;
    setText(shown, word);
    document.body.classList.toggle("stale", state !== "live");
}

function textOf(problem, isRetried) {
    if (problem.status === 401)
        return [
            "This page has no valid token.",
            problem.advice || "The console has probably been started again. Open the address that it prints.",
        ];
    if (problem.code === "too_many_pages")
        return ["Too many pages of this console are open.", problem.advice || "Close another one, and try again."];
    return [
        problem.message,
        `${problem.advice}${isRetried ? " This page tries again by itself, and keeps what it shows." : ""}`,
    ];
}

let shown = "";

function show(tone, symbol, text, advice, retry) {
    const content = JSON.stringify([tone, text, advice, Boolean(retry)]);
    if (shown === content && byId("notice").firstChild) return;
    shown = content;
    byId("notice").replaceChildren(
        element(
            `div.badge.${tone}`,
            {},
            element("span.symbol", { "aria-hidden": "true" }, symbol),
            element(
                "div",
                {},
                element("p.summary", {}, prose(text)),
                advice && element("p", {}, prose(advice)),
                retry && element("p.act", {}, element("button.quiet", { type: "button", click: retry }, "Try again")),
            ),
        ),
    );
}

/** Shows what does not change while the page is open. */
export function showStack({ name, is_local, can_send, swagger_url, version, started_at }) {
    setText(byId("stack-name"), name);
    document.title = `${name}: Account Events console`;
    const mode = byId("mode");
    mode.hidden = false;
    setText(mode, is_local ? "local stack" : "deployed stack, read-only");
    mode.classList.toggle("caution", !can_send);
    const swagger = byId("swagger");
    swagger.hidden = !swagger_url;
    if (swagger_url) swagger.href = swagger_url;
    setText(byId("imprint"), `Account Events ${version ?? ""}, console started at ${moment(started_at)}.`);
}
