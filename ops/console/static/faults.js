// The switch that breaks the local stack: a toggle for each fault, a button for each that happens once.

import { ask } from "./api.js";
import { chosenAccount, whenChosen } from "./choice.js";
import { command, runbook } from "./controls.js";
import { announce, byId, element, prose, setText } from "./dom.js";
import { clock, shortId } from "./format.js";

const ACCEPTS = {
    "throttled-shard": ["account"],
    "refused-entries": ["share"],
    "lost-answers": ["share"],
    "poison-row": ["account"],
    "filled-failure-bucket": ["account"],
};
/** The inputs of each setting. The server checks the values. */
const INPUTS = {
    account: {
        label: "Account",
        placeholder: "one with events",
        maxlength: "100",
        autocomplete: "off",
        spellcheck: "false",
    },
    share: { label: "Share", value: "0.3", inputmode: "decimal", maxlength: "6", autocomplete: "off" },
};
const NOTE =
    "Faults of the local stack. Begin one, send commands, and watch the path and what needs attention. " +
    "Then end it, and run the repair command in a terminal.";
const NOTE_LOCAL = "This stack does not accept faults.";
const NOTE_DEPLOYED =
    "Read-only: this console breaks nothing in a deployed stack. `make up` starts a local stack, which has faults.";
const DAMAGE = "Some damage remains after the end. The repair command is then shown here.";
const cards = new Map();
let isPrepared = false;

export function prepareFaults(canBreak, isLocal) {
    byId("faults").hidden = !canBreak;
    byId("faults-note").replaceChildren(...prose(canBreak ? NOTE : isLocal ? NOTE_LOCAL : NOTE_DEPLOYED));
    if (isPrepared) return;
    isPrepared = true;
    whenChosen(fillAccounts);
    byId("faults-end").addEventListener("click", endAll);
}

export function showFaults(faults) {
    for (const fault of faults) {
        if (!cards.has(fault.name)) {
            cards.set(fault.name, card(fault));
            byId("faults").append(cards.get(fault.name).root);
        }
        cards.get(fault.name).update(fault);
    }
    nameFaultsOn();
}

/** Names the faults that are on above the path, which stays in view. */
function nameFaultsOn() {
    const on = [...cards.values()].filter(each => each.isOn()).map(each => each.title);
    byId("faults-on").hidden = on.length === 0;
    setText(byId("faults-on-names"), on.length === 1 ? `Fault on: ${on[0]}` : `Faults on: ${on.join(", ")}`);
}

async function endAll() {
    const button = byId("faults-end");
    if (button.getAttribute("aria-disabled")) return;
    button.setAttribute("aria-disabled", "true");
    const hadFocus = document.activeElement === button;
    try {
        showFaults((await ask("/api/faults", { on: false })).faults);
        const left = [...cards.values()].filter(each => each.isOn()).map(each => each.title);
        if (left.length) report(`Could not be ended: ${left.join(", ")}. Its switch below shows why.`);
        else announce("All faults have ended.");
        if (hadFocus && !left.length) byId("attention").focus({ preventScroll: true }); // the button has gone
    } catch (problem) {
        report(`${problem.message} ${problem.advice}`);
    } finally {
        button.removeAttribute("aria-disabled");
    }
}

function report(text) {
    setText(byId("faults-on-names"), text);
    announce(text);
}

/** Offers the chosen account to the faults that take one. */
function fillAccounts(account_id) {
    for (const input of byId("faults").querySelectorAll("[name=account]")) {
        if (!input.disabled && !input.dataset.typed) input.value = account_id;
    }
}

function card(fault) {
    const title = element("h3", {}, fault.title);
    const button = element("button.toggle", {
        type: "button",
        "aria-describedby": `fault-${fault.name}`,
        click: press,
    });
    const inputs = (ACCEPTS[fault.name] ?? []).map(setting);
    const result = element("div.result", {});
    const refusal = element("p.refusal", { role: "status" });
    const root = element(
        "li.fault",
        {},
        element("div.fault-head", {}, title, button),
        element("p", { id: `fault-${fault.name}` }, fault.what),
        element("p.aside", {}, element("strong", {}, "Watch: "), fault.watch),
        inputs.length > 0 && element("div.fields", {}, inputs),
        refusal,
        result,
    );
    let state = fault;
    let shown = "";

    async function press() {
        if (button.getAttribute("aria-disabled")) return;
        button.setAttribute("aria-disabled", "true");
        const isOn = state.is_momentary || !state.is_on;
        try {
            update(await ask(`/api/faults/${state.name}`, isOn ? { on: true, settings: settings() } : { on: false }));
            refusal.textContent = "";
            announce(`${state.title}: ${state.is_momentary ? "done" : state.is_on ? "on" : "off"}`);
        } catch (problem) {
            refusal.replaceChildren(...prose(`${problem.message} ${problem.advice}`));
        } finally {
            button.removeAttribute("aria-disabled");
        }
    }

    function settings() {
        const given = [...root.querySelectorAll("input")].map(input => [input.name, input.value.trim()]);
        return Object.fromEntries(given.filter(([, value]) => value));
    }

    function update(given) {
        if (!given?.name) return;
        state = given;
        root.classList.toggle("is-on", state.is_on);
        if (state.is_momentary) button.removeAttribute("aria-pressed");
        else button.setAttribute("aria-pressed", String(state.is_on));
        button.replaceChildren(...face(state));
        for (const input of root.querySelectorAll("input")) input.disabled = state.is_on;
        const content = JSON.stringify([state.is_on, state.began_at, state.repair, state.settings]);
        if (content !== shown) result.replaceChildren(...after(state));
        shown = content;
        nameFaultsOn();
    }
    return { root, update, title: fault.title, isOn: () => state.is_on };
}

/** The content of the button. The accessible name of a toggle stays the same, and `aria-pressed` has its state. */
function face({ is_momentary, is_on, title }) {
    if (is_momentary) return ["Do it once", element("span.unseen", {}, ` (${title})`)];
    return [
        element("span.track", { "aria-hidden": "true" }),
        element("span", { "aria-hidden": "true" }, is_on ? "on" : "off"),
        element("span.unseen", {}, title),
    ];
}

function setting(name) {
    const { label, ...attributes } = INPUTS[name];
    const input = element("input", {
        name,
        ...attributes,
        input: () => {
            input.dataset.typed = "yes";
        },
    });
    if (name === "account") input.value = chosenAccount();
    return element("label.field", {}, element("span", {}, label), input);
}

/** What has happened, and what repairs it after the end. */
function after(state) {
    if (!state.began_at) return [];
    const chosen = Object.entries(state.settings ?? {})
        .map(([name, value]) => `${name} ${name === "account" ? shortId(value) : value}`)
        .join(", ");
    const begun = state.is_momentary ? "Done at" : state.is_on ? "On since" : "Ended, begun at";
    const line = element("p.aside", {}, `${begun} ${clock(state.began_at)}${chosen && `: ${chosen}`}.`);
    if (state.is_on && !state.repair) return [line];
    if (state.is_on) return [line, element("p.aside", {}, DAMAGE)];
    if (!state.repair) return [line, element("p.aside", {}, "Nothing is left to repair.")];
    return [line, command(state.repair, "Copy repair"), runbook(state.runbook)];
}
