// Server-sent events by fetch, because EventSource hides the status and the reason of a refusal.

import { NO_ANSWER, Problem, problemOf } from "./api.js";

const AGAIN_MS = [500, 1000, 2000, 5000];
/** The server sends something every 15 seconds. After a longer silence, its process may be suspended. */
const SILENCE_MS = 25_000;
const FINAL = new Set([401, 403, 409]);

/** Splits a stream of text into messages as the HTML standard defines them. */
export class Messages {
    #rest = "";
    #message = {};
    lastId = "";

    /** Forgets an incomplete message: its connection has ended. */
    begin() {
        this.#rest = "";
        this.#message = {};
    }

    /** Returns the messages that are complete with this text. */
    add(text) {
        const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
        this.#rest = lines.pop();
        const complete = [];
        for (const line of lines) {
            if (line === "") {
                if (this.#message.data !== undefined) complete.push({ event: "message", ...this.#message });
                this.#message = {};
                continue;
            }
            const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line);
            if (field === "id") this.lastId = value;
            else if (field === "event") this.#message.event = value;
            else if (field === "data")
                this.#message.data = (this.#message.data === undefined ? "" : `${this.#message.data}\n`) + value;
        }
        return complete;
    }
}

/** Receives the server's events, and connects again when the connection ends. */
export class Feed {
    #path;
    #receive;
    #report;
    #messages = new Messages();
    #failures = 0;
    #isRunning = false;

    /**
     * @param {string} path
     * @param {function(string, any)} receive is called with each event's name and JSON
     * @param {function(?Problem, boolean)} report is called with null when the connection is open, and with the problem
     *   when it has ended, and whether it is tried again without being asked
     */
    constructor(path, receive, report) {
        this.#path = path;
        this.#receive = receive;
        this.#report = report;
    }

    async start() {
        if (this.#isRunning) return;
        this.#isRunning = true;
        this.#failures = 0;
        while (this.#isRunning) {
            const problem = await this.#connection();
            const isFinal = FINAL.has(problem.status);
            this.#report(problem, !isFinal);
            if (isFinal) this.#isRunning = false;
            else
                await new Promise(resolve =>
                    setTimeout(resolve, AGAIN_MS[Math.min(this.#failures, AGAIN_MS.length - 1)]),
                );
            this.#failures += 1;
        }
    }

    async #connection() {
        this.#messages.begin();
        const headers = { Accept: "text/event-stream" };
        if (this.#messages.lastId) headers["Last-Event-ID"] = this.#messages.lastId;
        const silence = new AbortController();
        let timer = null;
        const heard = () => {
            clearTimeout(timer);
            timer = setTimeout(() => silence.abort(), SILENCE_MS);
        };
        try {
            heard();
            const response = await fetch(this.#path, { headers, cache: "no-store", signal: silence.signal });
            if (!response.ok) return await problemOf(response);
            this.#failures = 0;
            this.#report(null, true);
            const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
            for (;;) {
                heard();
                const { done, value } = await reader.read();
                if (done) return new Problem(0, NO_ANSWER);
                for (const { event, data } of this.#messages.add(value)) this.#receive(event, JSON.parse(data));
            }
        } catch (error) {
            if (error instanceof SyntaxError) console.error(error);
            return new Problem(0, NO_ANSWER);
        } finally {
            clearTimeout(timer);
        }
    }
}
