"""A fake of the console's server: it serves the real page, and answers what a test has set."""

import json
import queue
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.e2e.console import given
from tests.e2e.console.given import Json

STATIC = Path(__file__).parents[3] / "ops/console/static"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".html": "text/html; charset=utf-8"}
CSP = "default-src 'self'; frame-ancestors 'none'"
Answer = tuple[int, Json | None]
NOT_FOUND: Answer = (404, {"code": "not_found", "message": "There is no such account.", "advice": "Check the id."})


class FakeConsole:
    """The state of the fake. Tests change it, and read what the page has sent."""

    def __init__(self) -> None:
        self.stack = given.stack()
        self.status = given.status()
        self.findings: Json = {"at": None, "is_running": False, "findings": [], "incomplete": []}
        self.accounts: list[Json] = []
        self.versions: dict[str, int] = {}
        self.account_changes: Json = {}
        self.charts: Json = given.NO_CHARTS
        self.refusals: dict[str, Answer] = {}
        """Answers by the beginning of a path, instead of the others."""
        self.command_answer: Callable[[Json], Answer] = self._accept
        self.posts: list[tuple[str, Json]] = []
        self.paths: list[str] = []
        self._streams: list[queue.Queue[str | None]] = []
        self._number = 0
        self._lock = Lock()
        self.connected = Event()

    def send(self, name: str, data: object) -> None:
        """Send an event to every open page."""
        with self._lock:
            self._number += 1
            text = f"id: {self._number}\nevent: {name}\ndata: {json.dumps(data)}\n\n"
            for stream in self._streams:
                stream.put(text)

    def publish(self, *events: Json) -> None:
        self.send("published", list(events))

    def disconnect(self) -> None:
        """End every stream of events."""
        self.connected.clear()
        with self._lock:
            for stream in self._streams:
                stream.put(None)

    @contextmanager
    def stream(self) -> Iterator[Iterator[str]]:
        """Open a page's stream. It holds every event sent from now on, as the page calls itself live from now on."""
        mine: queue.Queue[str | None] = queue.Queue()
        with self._lock:
            for name, data in (("status", self.status), ("findings", self.findings)):
                mine.put(f"event: {name}\ndata: {json.dumps(data)}\n\n")
            self._streams.append(mine)
        self.connected.set()
        try:
            yield iter(mine.get, None)  # None ends the stream
        finally:
            with self._lock:
                self._streams.remove(mine)

    def answer(self, method: str, target: str, body: Json) -> Answer:  # noqa: PLR0911 -- a return for each path
        url = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        self.paths.append(target)
        for prefix, refusal in self.refusals.items():
            if url.path.startswith(prefix):
                return refusal
        if method == "POST":
            self.posts.append((url.path, body))
            return self._post(url.path, body)
        match url.path.removeprefix("/api/").split("/"):
            case ["stack"]:
                return 200, self.stack
            case ["accounts"]:
                find = query.get("find", "")
                return 200, {"accounts": [each for each in self.accounts if each["account_id"].startswith(find)][:50]}
            case ["accounts", name] if name in self.versions:
                before = int(query["before"]) if "before" in query else None
                return 200, given.account(name, self.versions[name], before, **self.account_changes)
            case ["faults"]:
                return 200, {"faults": self.status["faults"]}
            case ["charts"]:
                return 200, self.charts
        return NOT_FOUND

    def _post(self, path: str, body: Json) -> Answer:
        if path == "/api/commands":
            return self.command_answer(body)
        if path == "/api/doctor":
            return 202, None
        if path == "/api/faults":
            for each in self.status["faults"]:
                each["is_on"] = False
            return self._changed({"faults": self.status["faults"]})
        [fault] = [each for each in self.status["faults"] if path == f"/api/faults/{each['name']}"]
        fault |= {"is_on": body["on"] and not fault["is_momentary"], "settings": body.get("settings", {})}
        fault["began_at"] = given.at(90) if body["on"] else fault["began_at"]
        return self._changed(fault)

    def _changed(self, found: Json) -> Answer:
        """Answer, and send the status that the faults now have: an earlier one may still be on its way to the page."""
        self.send("status", self.status)
        return 200, found

    def _accept(self, body: Json) -> Answer:
        """Carry the command out, and publish its event."""
        name = body.get("account_id") or given.account_id(len(self.versions))
        self.versions[name] = self.versions.get(name, 0) + 1
        if self.versions[name] % given.INTERVAL == 0:
            self.versions[name] += 1
        row = given.rows(self.versions[name])[-1]
        self.publish(given.published(name, row))
        if body["kind"] == "open":
            self.accounts = [{**given.accounts([0])[0], "account_id": name}, *self.accounts]
        account = {"accountId": name, "balance": row["balance"], "currency": "EUR", "sequence": row["sequence"]}
        return 200, {"status": 201, "body": account, "request_id": "request-1", "took_ms": 23}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    console: FakeConsole

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == "/api/events" and path not in self.console.refusals:
            self._stream()
        elif path.startswith("/api/"):
            self._json(*self.console.answer("GET", self.path, {}))
        else:
            self._file(path)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._json(*self.console.answer("POST", self.path, body))

    def _file(self, path: str) -> None:
        name = "index.html" if path == "/" else path.removeprefix("/static/")
        if not re.fullmatch(r"[a-z_]+\.[a-z]+", name) or not (STATIC / name).is_file():
            self._respond(404, "text/plain", b"")
            return
        self._respond(200, TYPES[Path(name).suffix], (STATIC / name).read_bytes())

    def _json(self, status: int, body: Json | None) -> None:
        self._respond(status, "application/json", b"" if body is None else json.dumps(body).encode())

    def _respond(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        headers = {"Content-Type": kind, "Content-Length": str(len(content)), "Content-Security-Policy": CSP}
        for name, value in {**headers, "Cache-Control": "no-store"}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def _stream(self) -> None:
        with self.console.stream() as texts, suppress(OSError):
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            for text in texts:
                self.wfile.write(text.encode())
                self.wfile.flush()

    def log_message(self, *_: Any) -> None:  # noqa: ANN401 -- as its base class has it
        """Log nothing."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False


@contextmanager
def serving(console: FakeConsole, port: int = 0) -> Iterator[str]:
    """Serve the page on a port of this machine; yields its address."""
    handler = type("ConsoleHandler", (Handler,), {"console": console})
    with Server(("127.0.0.1", port), handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()
            console.disconnect()
