// The list of accounts: the newest ones, or those whose id begins with the text in the search field.

import { ask } from "./api.js";
import { choose, chosenAccount, whenChosen } from "./choice.js";
import { byId, delayed, element, prose, reconcile, setText } from "./dom.js";
import { counted, money, shortId } from "./format.js";

const REFRESH_MS = 1500;
const TYPED_MS = 250;
let found = null;
let request = 0;

async function load() {
    const mine = (request += 1);
    const text = byId("find").value.trim();
    try {
        const { accounts } = await ask(`/api/accounts?${new URLSearchParams({ find: text })}`);
        if (mine !== request) return; // a later request has been sent
        found = accounts;
        draw(text);
    } catch (problem) {
        if (mine === request) fail(problem);
    }
}

function fail(problem) {
    const none = byId("accounts-none");
    none.hidden = false;
    none.replaceChildren(
        ...prose(
            problem.status
                ? `${problem.message} ${problem.advice}`
                : "The list could not be read. It is read again with the next event.",
        ),
    );
}

function draw(text) {
    reconcile(
        byId("accounts"),
        found.map(each => ({ ...each, is_chosen: each.account_id === chosenAccount() })),
        each => each.account_id,
        build,
    );
    byId("accounts").hidden = !found.length;
    const none = byId("accounts-none");
    none.hidden = found.length > 0;
    setText(
        none,
        text
            ? "No known account begins with this. Enter the whole id to look it up in the table."
            : "No accounts yet. Open one with the form above.",
    );
}

function build({ account_id, owner, currency, balance, sequence, is_chosen }) {
    return element(
        "li",
        {},
        element(
            "button",
            {
                type: "button",
                title: account_id,
                "aria-current": is_chosen ? "true" : null,
                click: () => choose(account_id),
            },
            element("span.id", {}, shortId(account_id)),
            element(
                "span.sum",
                {},
                balance === null || balance === undefined ? "" : `${money(balance)} ${currency ?? ""}`,
            ),
            element("span.aside", {}, owner ?? "owner not known yet"),
            element("span.aside.sum", {}, sequence ? counted(sequence, "event") : ""),
        ),
    );
}

export const refreshAccounts = delayed(load, REFRESH_MS);

export function listenToAccounts() {
    const typed = delayed(load, TYPED_MS);
    byId("find").addEventListener("input", typed);
    byId("find-form").addEventListener("submit", event => {
        event.preventDefault();
        load();
    });
    whenChosen(() => found && draw(byId("find").value.trim()));
    load();
}
