// The chosen account: its state, its rows and the fold of the rows that a read fetches.

import { ask } from "./api.js";
import { chosenAccount, whenChosen } from "./choice.js";
import { command, runbook } from "./controls.js";
import { byId, delayed, element, prose, reconcile, setText } from "./dom.js";
import { drawFold } from "./fold.js";
import { count, counted, moment, money, waitsFor } from "./format.js";
import { drawRows } from "./rows.js";

const REFRESH_MS = 200;
const AGAIN_MS = 1000;
const AGAIN_MAX = 3;
let before = null; // the version before which older rows are shown; null for the newest
let request = 0;
let heading = null;
let again = 0; // how often it has been read again because the read model was behind
let isUnsettled = false; // something about it is expected to change without an event

async function load() {
    const mine = (request += 1);
    const account_id = chosenAccount();
    if (!account_id) return showNone();
    const query = before ? `?before=${before}` : "";
    try {
        const found = await ask(`/api/accounts/${encodeURIComponent(account_id)}${query}`);
        if (mine === request) draw(found);
    } catch (problem) {
        if (mine === request) fail(account_id, problem);
    }
}

/** Reads the chosen account again soon, if it is this one. */
export function refreshAccount(account_id) {
    if (!account_id || account_id !== chosenAccount()) return;
    again = 0;
    refresh();
}
const refresh = delayed(load, REFRESH_MS);
const readAgain = delayed(load, AGAIN_MS);

/** Reads the chosen account again if this status may have changed it. */
export function followStatus({ parked, gaps, is_reachable }) {
    const isNamed = [...parked, ...gaps].some(each => each.account_id === chosenAccount());
    if (is_reachable && (isNamed || isUnsettled)) refresh();
}

function showNone() {
    byId("account-none").hidden = false;
    byId("account-body").hidden = true;
}

function fail(account_id, problem) {
    if (problem.status === 0 && !byId("account-body").hidden) return; // the notice reports the cause
    const text =
        problem.status === 404
            ? `The table has no account ${account_id}. Check the id, or choose an account from the list.`
            : `${problem.message} ${problem.advice}`;
    showNone();
    byId("account-none").replaceChildren(...prose(text));
}

function draw(found) {
    const body = byId("account-body");
    if (body.dataset.account !== found.account_id) {
        body.dataset.account = found.account_id;
        body.replaceChildren(...skeleton());
    }
    byId("account-none").hidden = true;
    body.hidden = false;
    heading = headingOf(found, heading);
    reconcile(byId("account-head"), [{ ...heading, ...standing(found) }], () => "head", head);
    const isBehind = (found.read_model?.sequence ?? 0) < (heading.sequence ?? 0);
    isUnsettled = Boolean(isBehind || found.parked || found.waiting || found.problem);
    if (isBehind && again < AGAIN_MAX) {
        again += 1;
        readAgain();
    }
    drawRows(found, before, version => {
        before = version;
        load();
    });
    drawFold(found);
}

function skeleton() {
    return ["account-head", "account-rows", "account-fold"].map(id => element("div", { id }));
}

/** Returns the account's state. Older rows do not have it, but the fold is always that of the newest ones. */
function headingOf({ account_id, rows, steps }, known) {
    const last = steps.at(-1) ?? (before ? known : rows[0]);
    return {
        account_id,
        owner: rows.find(row => row.owner)?.owner ?? (known?.account_id === account_id ? known.owner : null),
        balance: last?.balance,
        currency: last?.currency,
        sequence: last?.sequence,
    };
}

/** Returns what is known of the account elsewhere. */
function standing({ parked, waiting, read_model, problem }) {
    return { parked, waiting, read_model, problem };
}

function head({ account_id, owner, balance, currency, sequence, parked, waiting, read_model, problem }) {
    return element(
        "div",
        {},
        element(
            "p.account-id",
            {},
            element("code", {}, account_id),
            owner && element("span.aside", {}, ` owned by ${owner}`),
        ),
        element(
            "dl.headline",
            {},
            figure("Balance", money(balance), currency),
            figure("Events", count(sequence ?? 0), "in the table"),
            figure("Read model", ...readModel(read_model, sequence)),
        ),
        problem && notice("bad", "✕", "A read cannot fold all of these rows", problem, "", "ledger-row-wrong"),
        parked &&
            notice(
                "bad",
                "✕",
                `Parked: event ${parked.first} cannot be published`,
                parked.reason,
                parked.command,
                "projectorparks",
                parked.at,
            ),
        waiting &&
            notice(
                "caution",
                "!",
                "Waiting in the read model",
                waitsFor(waiting.missing),
                waiting.command,
                waiting.runbook ?? "accountsbyownerwaits",
                waiting.since,
            ),
    );
}

const figure = (name, value, aside) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, value), element("dd.aside", {}, aside ?? ""));

function readModel(found, sequence) {
    if (!found) return ["–", "does not have the account yet"];
    const behind = Math.max(0, (sequence ?? 0) - found.sequence);
    return [
        count(found.sequence),
        behind ? `${counted(behind, "event")} behind` : `up to date, ${money(found.balance)}`,
    ];
}

function notice(tone, symbol, title, text, repair, anchor, at) {
    return element(
        `div.badge.${tone}`,
        {},
        element("span.symbol", { "aria-hidden": "true" }, symbol),
        element(
            "div",
            {},
            element("p.summary", {}, title, at && ` since ${moment(at)}`),
            text && element("p", {}, prose(text)),
            command(repair),
            runbook(anchor),
        ),
    );
}

export function listenToAccount() {
    whenChosen(account_id => {
        before = null;
        if (account_id && byId("account-body").hidden) setText(byId("account-none"), "Reading the account.");
        load();
    });
    load();
}
