// Wires the page: one feed of events from the server, and the parts that show them.

import { followStatus, listenToAccount, refreshAccount } from "./account.js";
import { listenToAccounts, refreshAccounts } from "./accounts.js";
import { ask } from "./api.js";
import { listenToDoctor, markStale, showFindings, showPreparation, showStatus } from "./attention.js";
import { announce, byId } from "./dom.js";
import { addEvents, listenToEvents, offerFirstSteps } from "./events.js";
import { listenToCharts } from "./charts.js";
import { prepareFaults, showFaults } from "./faults.js";
import { Feed } from "./feed.js";
import { counted } from "./format.js";
import { showConnection, showReachable, showStack } from "./notice.js";
import { drawEmptyPath, forgetPath, pulse, showPath } from "./path.js";
import { prepareSending } from "./send.js";

const receivers = {
    published(events) {
        addEvents(events);
        pulse();
        refreshAccounts();
        for (const account_id of new Set(events.map(event => event.account_id))) refreshAccount(account_id);
        announce(`${counted(events.length, "event")} arrived.`);
    },
    status(status) {
        showReachable(status);
        showPath(status);
        showStatus(status);
        followStatus(status);
        showFaults(status.faults ?? []);
    },
    findings: showFindings,
};

let stack = null;

/** Reads what the stack is; again after each time the connection was lost, because another stack may answer then. */
async function readStack() {
    try {
        const found = await ask("/api/stack");
        if (JSON.stringify(found) === JSON.stringify(stack)) return;
        const isFirst = stack === null;
        stack = found;
        showStack(stack);
        showPreparation(stack.preparation);
        prepareSending(stack.can_send, account_id => {
            refreshAccount(account_id);
            refreshAccounts();
        });
        offerFirstSteps(stack.can_send && stack.can_break);
        prepareFaults(stack.can_break, stack.is_local);
        if (isFirst && stack.can_break) showFaults((await ask("/api/faults")).faults);
    } catch (problem) {
        showConnection(problem, problem.status === 0, () => feed.start());
    }
}

let wasLost = false;
const feed = new Feed(
    "/api/events",
    (name, data) => receivers[name]?.(data),
    (problem, isRetried) => {
        showConnection(problem, isRetried, () => feed.start());
        if (problem) {
            wasLost = true;
            forgetPath();
            markStale();
            return;
        }
        if (wasLost || !stack) {
            readStack();
            refreshAccounts();
        }
        wasLost = false;
    },
);

byId("skip").addEventListener("click", event => {
    event.preventDefault();
    byId("attention").focus();
});
drawEmptyPath();
listenToDoctor();
listenToEvents();
listenToAccounts();
listenToAccount();
listenToCharts();
readStack();
feed.start();
