// The form that sends a command.

import { ask } from "./api.js";
import { chosenAccount, choose, whenChosen } from "./choice.js";
import { byId, element, prose } from "./dom.js";
import { counted, duration, money } from "./format.js";

const WORDS = {
    open: [
        "Open an account",
        "A new account begins with a balance of zero. Its first event travels along the path above.",
    ],
    credit: ["Credit", "The event is BalanceCredited. It reaches the table first, then the stream, then its readers."],
    withdraw: ["Withdraw", "The service refuses a withdrawal that the balance does not cover. Nothing is stored then."],
    transfer: [
        "Transfer",
        "One transaction stores two events: BalanceWithdrawn on this account, and BalanceCredited on the receiving one.",
    ],
};
const DONE = { open: "The account was opened.", credit: "Credited.", withdraw: "Withdrawn.", transfer: "Transferred." };
const TIMES_MAX = 50;
const DOUBLE_CLICK_MS = 700;
let form;
let openedAt = -DOUBLE_CLICK_MS;

export function prepareSending(canSend, sent) {
    form = byId("send");
    form.hidden = !canSend;
    byId("send-refused").hidden = canSend;
    if (!canSend || form.dataset.ready) return;
    form.dataset.ready = "yes";
    form.addEventListener("input", showKind);
    byId("send-button").addEventListener("click", event => {
        // After the first click of a double-click on "Open an account", the button may already be "Credit".
        if (event.detail > 1 && performance.now() - openedAt < DOUBLE_CLICK_MS) event.preventDefault();
    });
    form.addEventListener("submit", async event => {
        event.preventDefault();
        await submit(sent);
    });
    whenChosen(account_id => {
        if (account_id) form.elements.account_id.value = account_id;
    });
    form.elements.account_id.value = chosenAccount();
    if (chosenAccount()) setKind("credit");
    showKind();
}

function setKind(kind) {
    form.elements.kind.value = kind;
    showKind();
}

function showKind() {
    const kind = form.elements.kind.value;
    for (const fields of form.querySelectorAll("[data-for]"))
        fields.hidden = !fields.dataset.for.split(" ").includes(kind);
    byId("send-button").textContent = WORDS[kind][0] + (timesOf(kind) > 1 ? ` ${timesOf(kind)} times` : "");
    byId("send-hint").textContent = WORDS[kind][1];
}

/** An account is opened once; other commands are sent as often as the form states. */
function timesOf(kind) {
    return kind === "open" ? 1 : Math.min(TIMES_MAX, Math.max(1, Math.trunc(Number(form.elements.times.value)) || 1));
}

/** Returns the command in the form; without its id, text or amount if the field is empty. */
function commandOf({ kind, owner, currency, account_id, to, amount, idempotency_key }) {
    const given =
        kind.value === "open"
            ? { kind: "open", owner: owner.value.trim(), currency: currency.value.trim().toUpperCase() }
            : { kind: kind.value, account_id: account_id.value.trim(), amount: amount.value.trim() };
    if (kind.value === "transfer") given.to = to.value.trim();
    return idempotency_key.value.trim() ? { ...given, idempotency_key: idempotency_key.value.trim() } : given;
}

/** Returns the first visible field that is empty. */
function emptyField() {
    return [...form.querySelectorAll("input[required]")].find(each => !each.closest("[hidden]") && !each.value.trim());
}

async function submit(sent) {
    const empty = emptyField();
    if (empty) {
        empty.focus();
        show(
            "caution",
            "!",
            `Fill in: ${empty.closest("label").textContent.trim().toLowerCase()}.`,
            empty.name === "account_id" ? "Choose an account from the list below, or open one first." : "",
        );
        return;
    }
    const given = commandOf(form.elements);
    const times = timesOf(given.kind);
    const button = byId("send-button");
    button.setAttribute("aria-disabled", "true");
    if (form.dataset.busy) return;
    form.dataset.busy = "yes";
    byId("send-result").setAttribute("aria-busy", "true"); // a screen reader reads the result, not each step
    const answers = [];
    try {
        for (let number = 0; number < times; number += 1) {
            answers.push(await ask("/api/commands", given));
            if (times > 1) show("unknown", "…", `${number + 1} of ${times} sent.`);
        }
        showAnswers(given, answers);
        sent(accountOf(answers.at(-1), given));
    } catch (problem) {
        const before = answers.length ? `${answers.length} of ${times} were answered before. ` : "";
        show("bad", "✕", problem.message, `${before}${problem.advice}`);
    } finally {
        delete form.dataset.busy;
        byId("send-result").removeAttribute("aria-busy");
        button.removeAttribute("aria-disabled");
    }
}

const isAccepted = ({ status }) => status >= 200 && status < 300;
const bodyOf = answer => (answer.body && typeof answer.body === "object" ? answer.body : {});
const accountOf = (answer, given) =>
    isAccepted(answer) ? (bodyOf(answer).accountId ?? given.account_id) : given.account_id;

function showAnswers(given, answers) {
    const last = answers.findLast(each => !isAccepted(each)) ?? answers.at(-1);
    const accepted = answers.filter(isAccepted).length;
    const body = bodyOf(last);
    const meta = `Status ${last.status}, ${duration(last.took_ms)}, request ${last.request_id ?? "without an id"}`;
    const more = answers.length > 1 ? `${accepted} of ${counted(answers.length, "command")} accepted. ` : "";
    if (isAccepted(last)) {
        const state =
            body.balance === undefined
                ? ""
                : ` Balance ${money(body.balance)} ${body.currency ?? ""}, event ${body.sequence}.`;
        show("good", "✓", `${DONE[given.kind]}${state}`, `${more}${meta}`);
        if (given.kind === "open" && body.accountId) {
            choose(body.accountId);
            form.elements.account_id.value = body.accountId;
            setKind("credit");
            openedAt = performance.now();
        }
    } else {
        const problem = body.error && typeof body.error === "object" ? body.error : body;
        const text =
            problem.detail ||
            problem.message ||
            problem.title ||
            problem.code ||
            `The service answered with status ${last.status}.`;
        show(last.status >= 500 ? "bad" : "caution", last.status >= 500 ? "✕" : "!", text, `${more}${meta}`);
    }
}

function show(tone, symbol, text, detail = "") {
    byId("send-result").replaceChildren(
        element(
            `div.badge.${tone}`,
            {},
            element("span.symbol", { "aria-hidden": "true" }, symbol),
            element("div", {}, element("p.summary", {}, prose(text)), detail && element("p.small", {}, prose(detail))),
        ),
    );
}
