// The chosen account. It is kept in the URL's fragment, so that a link and the browser's history lead to it.

const listeners = [];
let chosen = fromFragment();

function fromFragment() {
    return new URLSearchParams(location.hash.slice(1)).get("account") ?? "";
}

export const chosenAccount = () => chosen;

export function whenChosen(listener) {
    listeners.push(listener);
}

export function choose(account_id) {
    const fragment = account_id ? `#${new URLSearchParams({ account: account_id })}` : "#";
    if (location.hash !== fragment) history.pushState(null, "", fragment);
    changed(account_id);
}

function changed(account_id) {
    if (account_id === chosen) return;
    chosen = account_id;
    for (const listener of listeners) listener(account_id);
}

addEventListener("popstate", () => changed(fromFragment()));
addEventListener("hashchange", () => changed(fromFragment()));
