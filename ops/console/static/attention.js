// What needs attention, each with the command that helps: stopped hops, alarms, parked accounts, gaps, discarded
// batches and doctor's findings.

import { ask } from "./api.js";
import { accountLink, command, runbook } from "./controls.js";
import { announce, byId, element, prose, reconcile, setText } from "./dom.js";
import { clock, counted, moment, waitsFor } from "./format.js";
import { STATES, hopName } from "./path.js";

const SHOWN_MAX = 20;
let status = null;
let findings = null;
let announced = "";
let isStale = false;

export function showStatus(given) {
    status = given;
    isStale = false;
    draw();
}

/** Shows what to type in a new terminal before the commands, while there are commands. */
export function showPreparation(text) {
    byId("preparation").replaceChildren(
        ...(text ? [element("p.note", {}, "Run the commands in another terminal. Type there first, once:"), command(text)] : []),
    );
}

/** The connection was lost: what is shown may be old. */
export function markStale() {
    isStale = true;
    draw();
}

export function showFindings(given) {
    findings = given;
    draw();
}

/** Returns the groups with something in them: [title in the singular, in the plural, items]. */
function groups() {
    const { hops = [], alarms = [], parked = [], gaps = [], failed_batches: failed } = status ?? {};
    return [
        ["stoppage", "stoppages", hops.filter(hop => hop.state === "stopped").map(stoppedHop)],
        ["alarm", "alarms", alarms.map(alarm)],
        ["parked account", "parked accounts", parked.map(parkedAccount)],
        ["discarded batch", "discarded batches", failed?.count ? [failedBatches(failed)] : [], failed?.count],
        ["gap", "gaps", gaps.map(gap)],
        ["delay", "delays", hops.filter(hop => hop.state === "waiting" && !isListed(hop)).map(stoppedHop)],
        ["finding of doctor", "findings of doctor", (findings?.findings ?? []).map(finding)],
        [
            "incomplete check",
            "incomplete checks",
            [...(status?.incomplete ?? []), ...(findings?.incomplete ?? [])].map(incomplete),
        ],
    ].filter(([, , items]) => items.length);
}

/** Whether a hop waits only because of something that is listed with its own command. */
const isListed = ({ runbook: anchor }) =>
    ({
        projectorparks: status.parked.length,
        accountsbyownerwaits: status.gaps.length,
        projectorgaveup: status.failed_batches.count,
    })[anchor] > 0;

/** The projector emits the metric of this alarm with a batch only, so that the alarm may outlast its cause. */
const alarmText = ({ name, reason }) =>
    name === "ProjectorParks" && !status.parked.length
        ? `${sentence(reason)} No account is parked any more. The alarm returns to OK with the next event of any account.`
        : sentence(reason);
const sentence = text => (text && !text.endsWith(".") ? `${text}.` : text);

const stoppedHop = hop => ({
    key: hop.name,
    tone: STATES[hop.state][0],
    title: `${hopName(hop.name)}: ${STATES[hop.state][2]}`,
    text: hop.detail,
    command: hop.command,
    runbook: hop.runbook,
});
const alarm = each => ({ key: each.name, tone: "bad", title: each.name, text: alarmText(each), runbook: each.runbook });
const parkedAccount = each => ({
    key: each.account_id,
    tone: "bad",
    title: "Account",
    account: each.account_id,
    text: `Event ${each.first} cannot be published: ${each.reason}. It and all later events wait for a release.`,
    at: each.at,
    command: each.command,
    runbook: "projectorparks",
});
const gap = each => ({
    key: `${each.account_id} ${each.missing}`,
    tone: "caution",
    title: "Account",
    account: each.account_id,
    text: waitsFor(each.missing),
    at: each.since,
    command: each.command,
    runbook: each.runbook ?? "accountsbyownerwaits",
});
const failedBatches = each => ({
    key: "failed",
    tone: "bad",
    title: `${counted(each.count, "batch", "batches")} in the failure bucket`,
    text: "Lambda discarded these records after its last attempt. Their events have not been published.",
    command: each.command,
    runbook: each.runbook ?? "projectorgaveup",
});
const finding = each => ({
    key: `${each.kind} ${each.where} ${each.what}`,
    tone: "caution",
    title: each.what,
    kind: each.kind,
    text: `${each.where}. ${each.why}`,
    command: each.repair || each.look,
    before: each.repair ? "" : "This command shows the cause:",
    runbook: each.runbook,
});
const incomplete = each =>
    typeof each === "string"
        ? { key: each, tone: "unknown", title: each, text: "What the check would have found is unknown." }
        : { ...finding(each), tone: "unknown" };

function draw() {
    const found = groups();
    reconcile(
        byId("attention-groups"),
        found.map(([one, many, items, number]) => ({ one, many, items, number })),
        each => each.one,
        group,
    );
    const total = found.map(([one, many, items, number]) => counted(number ?? items.length, one, many));
    const isBad = found.some(([, , items]) => items.some(each => each.tone === "bad"));
    byId("preparation").hidden = !found.some(([, , items]) => items.some(each => each.command));
    summarise(total, isBad);
    doctorState();
}

function summarise(total, isBad) {
    const [tone, symbol, text] = summaryOf(total, isBad);
    const summary = byId("attention-summary");
    summary.className = `badge ${tone}`;
    setText(summary.children[0], symbol);
    setText(summary.children[1], text);
    if (announced && announced !== text) announce(text);
    announced = status ? text : "";
}

/** Returns the tone, the symbol and the text of the summary. */
function summaryOf(total, isBad) {
    if (!status) return ["unknown", "…", "Waiting for the first status of the stack."];
    if (isStale) return ["unknown", "?", `This page is not connected. What is shown was true at ${clock(status.at)}.`];
    if (!status.is_reachable) {
        return ["unknown", "?", "The stack is not reachable. What is shown was true at the last answer."];
    }
    if (total.length) return [isBad ? "bad" : "caution", isBad ? "✕" : "!", `${total.join(", ")}.`];
    const doctor = findings?.at ? ", no finding" : "";
    return ["good", "✓", `Nothing: no stoppage, no alarm, no parked account, no gap, no discarded batch${doctor}.`];
}

function group({ one, many, items, number }) {
    const rest = items.length - SHOWN_MAX;
    const title = (number ?? items.length) === 1 ? one : many;
    return element(
        "section.group",
        {},
        element("h3", {}, title[0].toUpperCase() + title.slice(1)),
        element("ul", {}, items.slice(0, SHOWN_MAX).map(item)),
        rest > 0 && element("p.aside", {}, `And ${rest} more.`),
    );
}

function item(each) {
    return element(
        `li.item.${each.tone}-edge`,
        {},
        element(
            "p.title",
            {},
            each.title,
            each.account && [" ", accountLink(each.account)],
            each.kind && element("code.kind", {}, each.kind),
            each.at && element("span.aside", {}, ` since ${moment(each.at)}`),
        ),
        each.text && element("p", {}, prose(each.text)),
        each.before && element("p", {}, each.before),
        command(each.command),
        runbook(each.runbook),
    );
}

function doctorState() {
    const button = byId("run-doctor");
    button.disabled = Boolean(findings?.is_running);
    setText(button, findings?.is_running ? "Running doctor" : "Run doctor");
    const number = findings?.findings?.length ?? 0;
    setText(
        byId("doctor-state"),
        findings?.at ? `doctor ran at ${moment(findings.at)}: ${counted(number, "finding")}` : "",
    );
}

export function listenToDoctor() {
    byId("run-doctor").addEventListener("click", async () => {
        try {
            await ask("/api/doctor", {});
            findings = { ...(findings ?? { findings: [] }), is_running: true };
            doctorState();
        } catch (problem) {
            byId("doctor-state").replaceChildren(...prose(`${problem.message} ${problem.advice}`));
        }
    });
}
