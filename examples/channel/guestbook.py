#!/usr/bin/env python3
"""A guest book: a small web page where visitors write, connected to Frontdesk as a channel of its own.

    FRONTDESK_TOKEN=<an administrator's access token> python3 guestbook.py

One file, standard library only, Python 3.10 or newer. README.md beside it names the settings; guestbook.mjs is the same
for Node, and docs/integrator/channel-step-by-step.md explains every part.
"""

import base64
import contextlib
import hashlib
import hmac
import http.client
import json
import os
import queue
import secrets
import sys
import threading
import time
import unicodedata
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PORT = int(os.environ.get("GUESTBOOK_PORT", "9300"))
HOST = os.environ.get("GUESTBOOK_HOST", "127.0.0.1")
# Where browsers and Frontdesk reach this program.
URL = os.environ.get("GUESTBOOK_URL", f"http://127.0.0.1:{PORT}").rstrip("/")
FILE = Path(os.environ.get("GUESTBOOK_FILE", "guestbook.jsonl"))
# With 1, what visitors write is seen by others once an agent has published it.
MODERATED = os.environ.get("GUESTBOOK_MODERATED") == "1"
FRONTDESK_URL = os.environ.get("FRONTDESK_URL", "http://localhost:8080").rstrip("/")

SIGNATURE = "X-SMCCSDK-SIGNATURE"
REQUEST_BYTES_MAX = 8 * 1024 * 1024
FILE_BYTES_MAX = 5 * 1024 * 1024
BODY_CHARACTERS_MAX = 2_000
NAME_CHARACTERS_MAX = 60
ENTRIES_PER_LIST = 100
THREADS_SHOWN = 100
TYPING_SECONDS = 10
QUEUE_SECONDS = 300
ATTEMPTS_AFTER_REFUSAL = 5
# What says that an entry itself cannot be taken. Anything else passes: a wrong secret is set right, a limit lifts.
REFUSALS = (400, 413, 422)
PAUSE_SECONDS_MAX = 30
HINTS_WAITING_MAX = 20
REQUEST_SECONDS_MAX = 60
TYPES = {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp",
    "pdf": "application/pdf", "txt": "text/plain; charset=utf-8",
}

# What it can do. `highlight` is an action of its own: agents get a button with this label.
INFO = {
    "objects": {
        "threads": ["list"],
        "messages": ["list", "show", "create", "reply", "publish", "unpublish", "delete", "highlight"],
        "status": ["mark_as_read"],
        "typing": ["start", "stop"],
    },
    "options": [
        "threads.no_content", "messages.no_title", "messages.text", "messages.attachments", "view.messaging",
        "messaging.typing_indicator", "messaging.queuing_update",
    ],
    "locales": {"default": {"highlight": "Put on top"}, "fr": {"highlight": "Mettre en tête"}},
}
# What may be done with one entry of a visitor.
ACTIONS = ["reply", "show", "publish", "unpublish", "delete", "highlight"]
ACTIONS_ON_ANSWERS = ["show", "publish", "unpublish", "delete"]


class Refusal(Exception):
    """What is told to whoever asked for something that cannot be done. `fatal`: asking again is of no use."""

    def __init__(self, message: str, fatal: bool = True):
        super().__init__(message)
        self.fatal = fatal


def now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def is_text(value: object, characters_max: int) -> bool:
    return isinstance(value, str) and value.strip() != "" and len(value) <= characters_max


def clean(text: object) -> str:
    """Without control characters and halves of characters: not every program can read those."""
    if not isinstance(text, str):
        return ""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs"))


class Book:
    """All entries, in the order in which they were made. Each change is a line at the end of the file, and on disk
    before anybody is told of it."""

    def __init__(self, path: Path):
        self.lock = threading.RLock()
        self.entries: dict[str, dict] = {}
        self.connection: dict = {}
        self.typing: dict[str, float] = {}
        self.waiting: dict[str, tuple[float, dict]] = {}
        self.version = time.time_ns()  # greater than all before a restart
        self.files = path.with_suffix(".files")
        self.files.mkdir(mode=0o700, parents=True, exist_ok=True)
        # It holds the channel's secret.
        self.file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        written = path.read_bytes()
        for line in written.splitlines():
            self.recall(line)
        if written and not written.endswith(b"\n"):
            os.write(self.file, b"\n")  # it was killed while it wrote

    def recall(self, line: bytes) -> None:
        try:
            saved = json.loads(line)
        except ValueError:
            return  # half a line: nobody was told of it
        if "connection" in saved:
            self.connection = saved["connection"]
        else:
            self.entries[saved["id"]] = saved

    def append(self, saved: dict) -> None:
        line = memoryview(json.dumps(saved, separators=(",", ":")).encode() + b"\n")
        while line:
            line = line[os.write(self.file, line):]  # a full disk may take a part of it
        os.fsync(self.file)

    def connect(self, **connection: str) -> None:
        self.append({"connection": connection})
        self.connection = connection

    def save(self, entry: dict) -> dict:
        with self.lock:
            self.append(entry)
            self.entries[entry["id"]] = entry
            self.version += 1
            return entry

    def change(self, entry: dict, **changes: object) -> dict:
        with self.lock:
            return self.save({**self.entries[entry["id"]], **changes})

    def find(self, entry_id: object) -> dict:
        entry = self.entries.get(entry_id) if isinstance(entry_id, str) else None
        if entry is None or entry.get("deleted"):
            raise Refusal("There is no such message.")
        return entry

    def thread(self, thread_id: object) -> list[dict]:
        entries = list(self.entries.values())
        entries = [entry for entry in entries if entry["thread"] == thread_id and not entry.get("deleted")]
        if not entries:
            raise Refusal("There is no such thread.")
        return entries

    def of_visitors(self) -> list[dict]:
        """What visitors wrote, also what was deleted: its place in the list stays."""
        return [entry for entry in self.entries.values() if not entry.get("desk")]

    def since(self, visitor: str) -> str:
        return next((entry["at"] for entry in self.of_visitors() if entry["visitor"] == visitor), now())

    def view(self, visitor: str, version: str) -> dict:
        """What the page shows to a visitor; without the threads when they have not changed since `version`."""
        with self.lock:
            moment = time.monotonic()
            view: dict = {
                "typing": {thread: True for thread, until in self.typing.items() if until > moment},
                "waiting": {thread: place for thread, (until, place) in self.waiting.items() if until > moment},
            }
            if version == str(self.version):
                return view
            threads: dict[str, list[dict]] = {}
            for entry in self.entries.values():
                if entry["published"] and not entry.get("deleted"):
                    threads.setdefault(entry["thread"], []).append(entry)
            shown = [
                {
                    "id": thread,
                    "top": any(entry.get("highlighted") for entry in entries),
                    "entries": [shown_entry(entry, visitor) for entry in entries],
                }
                for thread, entries in reversed(threads.items())
            ]
            shown.sort(key=lambda thread: not thread["top"])
            return {**view, "version": self.version, "threads": shown[:THREADS_SHOWN]}


def shown_entry(entry: dict, visitor: str) -> dict:
    shown = {name: entry.get(name) for name in ("id", "thread", "name", "at", "body", "desk", "seen", "structured")}
    return {**shown, "mine": entry.get("visitor") == visitor, "files": entry["files"]}


class Guestbook:
    """What visitors and Frontdesk do with the book."""

    def __init__(self, book: Book):
        self.book = book
        self.wake = threading.Event()
        self.hints: queue.Queue[tuple[str, dict]] = queue.Queue(HINTS_WAITING_MAX)
        threading.Thread(target=self.keep_hinting, daemon=True).start()
        self.actions = {
            "implementation.info": lambda _: INFO,
            "threads.list": self.list_threads,
            "messages.list": self.list_messages,
            "messages.show": lambda params: self.message(book.find(params.get("id"))),
            "messages.create": self.create,
            "messages.delete": self.delete,
            "messages.publish": lambda params: self.set(params, published=True),
            "messages.unpublish": lambda params: self.set(params, published=False),
            "messages.highlight": self.highlight,
            "typing.start": self.typing,
            "typing.stop": self.typing_stops,
            "messaging.queuing_update": self.waits,
        }

    # What Frontdesk asks for.

    def message(self, entry: dict) -> dict:
        """An entry as the contract wants it."""
        message = {
            "id": entry["id"],
            "thread_id": entry["thread"],
            "body": entry["body"],
            "format": "text",
            "created_at": entry["at"],
            "display_url": f"{URL}/#{entry['id']}",
            "in_reply_to_id": entry.get("reply_to"),
            "attachments": [{"url": web(file["url"]), "filename": file["name"]} for file in entry["files"]],
        }
        if entry.get("desk"):
            author = {"id": entry["author"], "screenname": entry["name"], "created_at": entry["at"]}
            return {**message, "author": {**author, "puppetizable": True}, "actions": ACTIONS_ON_ANSWERS}
        author = {"id": entry["visitor"], "screenname": entry["name"], "created_at": self.book.since(entry["visitor"])}
        if entry.get("payload"):
            message["structured_reply"] = {"payload": entry["payload"]}
        return {**message, "author": author, "actions": ACTIONS}

    def list_messages(self, params: dict) -> list[dict]:
        """The oldest ones after `since_id`, the newest of them first. What came from Frontdesk is known there."""
        with self.book.lock:
            return [self.message(entry) for entry in self.part(self.book.of_visitors(), params.get("since_id"))]

    def list_threads(self, params: dict) -> list[dict]:
        with self.book.lock:
            firsts = [entry for entry in self.book.of_visitors() if entry["id"] == entry["thread"]]
            part = self.part(firsts, params.get("since_id"))
            return [{"id": entry["id"], "title": entry["body"][:80]} for entry in part]

    @staticmethod
    def part(entries: list[dict], since_id: object) -> list[dict]:
        # With an id that nobody knows, everything is told: what is known already changes nothing.
        at = next((at for at, entry in enumerate(entries) if entry["id"] == since_id), -1)
        part = [entry for entry in entries[at + 1:] if not entry.get("deleted")][:ENTRIES_PER_LIST]
        return part[::-1]

    def thread_of(self, params: dict) -> str:
        """The thread that is meant, by its own id or by that of a message in it."""
        thread = params.get("thread_id") or self.book.find(params.get("in_reply_to_id"))["thread"]
        self.book.thread(thread)
        return thread

    def create(self, params: dict) -> dict:
        content_id, body = params.get("content_id"), params.get("body") or ""
        structured = params.get("structured_content")
        if not is_text(content_id, 255) or not isinstance(body, str):
            raise Refusal("content_id and body should be texts.")
        with self.book.lock:
            for entry in self.book.entries.values():
                if entry.get("content_id") == content_id:
                    return self.message(entry)  # a repeat: Frontdesk did not hear the first answer
            thread = self.thread_of(params)
            attachments = [file for file in params.get("attachments") or [] if isinstance(file, dict)]
            files = [
                {"url": file["url"], "name": file.get("filename"), "image": file.get("type") == "image"}
                for file in attachments if isinstance(file.get("url"), str)
            ]
            if not (body or files or structured):
                raise Refusal("The message is empty.")
            self.book.typing.pop(thread, None)
            self.book.waiting.pop(thread, None)
            return self.message(self.book.save({
                "id": secrets.token_hex(8), "thread": thread, "desk": True, "at": now(), "published": True,
                "author": str(params.get("author_id")), "name": str(params.get("sender_name") or "The house"),
                "body": body, "files": files, "content_id": content_id,
                "reply_to": params.get("in_reply_to_id"),
                "structured": structured if isinstance(structured, dict) else None,
            }))

    def set(self, params: dict, **changes: object) -> dict:
        with self.book.lock:
            return self.message(self.book.change(self.book.find(params.get("id")), **changes))

    def delete(self, params: dict) -> dict:
        with self.book.lock:
            # Asked again, because the answer was lost, it is gone as it was wanted.
            known = self.book.entries.get(str(params.get("id")))
            if known and known.get("deleted"):
                return self.message(known)
            entry = self.book.find(params.get("id"))
            for at in range(len(entry["files"])):
                (self.book.files / f"{entry['id']}-{at}").unlink(missing_ok=True)
            return self.set(params, deleted=True)

    def highlight(self, params: dict) -> dict:
        with self.book.lock:
            entry = self.book.find(params.get("id"))
            return self.set(params, highlighted=not entry.get("highlighted"))

    def typing(self, params: dict) -> dict:
        self.book.typing[self.thread_of(params)] = time.monotonic() + TYPING_SECONDS
        return {}

    def typing_stops(self, params: dict) -> dict:
        self.book.typing.pop(self.thread_of(params), None)
        return {}

    def waits(self, params: dict) -> dict:
        """How long a visitor will wait for somebody: a hint, shown until it is answered or old."""
        place = {"position": params.get("position"), "seconds": params.get("estimated_wait_time")}
        if not all(isinstance(number, int) for number in place.values()):
            raise Refusal("position and estimated_wait_time should be whole numbers.")
        self.book.waiting[self.thread_of(params)] = (time.monotonic() + QUEUE_SECONDS, place)
        return {}

    # What visitors do.

    def write(self, visitor: str, given: dict) -> dict:
        name, body, thread = clean(given.get("name")), clean(given.get("body")), given.get("thread")
        if not is_text(name, NAME_CHARACTERS_MAX):
            raise Refusal(f"Tell us your name, in at most {NAME_CHARACTERS_MAX} characters.")
        if not is_text(body, BODY_CHARACTERS_MAX):
            raise Refusal(f"Write something, in at most {BODY_CHARACTERS_MAX} characters.")
        entry_id = secrets.token_hex(8)
        entry = {
            "id": entry_id, "thread": thread or entry_id, "visitor": visitor, "name": name, "body": body,
            "at": now(),
            "published": not MODERATED, "files": [],
        }
        with self.book.lock:
            if thread:
                entries = self.book.thread(thread)
                # The last thing that was said; or what was picked from.
                picked = self.book.find(given["reply_to"]) if given.get("reply_to") else entries[-1]
                entry["reply_to"] = picked["id"]
                if is_text(given.get("payload"), 1_000):
                    entry["payload"] = clean(given["payload"])
            if given.get("file"):
                entry["files"] = [self.keep(entry_id, given["file"])]
            self.book.save(entry)
        self.wake.set()
        return {"id": entry_id}

    def keep(self, entry_id: str, file: dict) -> dict:
        try:
            name, content = clean(Path(file["name"]).name[-100:]), base64.b64decode(file["content"], validate=True)
        except (KeyError, TypeError, ValueError):
            raise Refusal("The file cannot be read.") from None
        kind = TYPES.get(name.rpartition(".")[2].lower())
        if kind is None:
            raise Refusal(f"Files may be of the types {', '.join(TYPES)}.")
        if len(content) > FILE_BYTES_MAX:
            raise Refusal(f"A file may have at most {FILE_BYTES_MAX} bytes.")
        with open(self.book.files / f"{entry_id}-0", "wb") as kept:
            kept.write(content)
            kept.flush()
            os.fsync(kept.fileno())
        url = f"/files/{entry_id}/0/{urllib.parse.quote(name)}"
        return {"url": url, "name": name, "image": kind.startswith("image/")}

    def read_file(self, entry_id: str, at: str) -> tuple[str, bytes]:
        entry = self.book.find(entry_id)
        if at != "0" or entry.get("desk") or not entry["files"]:
            raise Refusal("There is no such file.")
        kind = TYPES[entry["files"][0]["name"].rpartition(".")[2].lower()]
        return kind, (self.book.files / f"{entry['id']}-0").read_bytes()

    def seen(self, given: dict) -> dict:
        with self.book.lock:
            entry = self.book.find(given.get("id"))
            if entry.get("desk") and not entry.get("seen"):
                self.book.change(entry, seen=True)
        self.wake.set()
        return {}

    def types(self, given: dict) -> dict:
        thread, text = given.get("thread"), given.get("text")
        self.book.thread(thread)
        if is_text(text, BODY_CHARACTERS_MAX):
            self.tell_lightly("typing.start", {"thread_id": thread, "preview": text})
        else:
            self.tell_lightly("typing.stop", {"thread_id": thread})
        return {}

    # What we tell Frontdesk: the real-time half. Without it, Frontdesk asks for the lists once a minute.

    def tell(self, action: str, params: dict) -> tuple[int, float]:
        """Posts one action; the status of the answer, or 0 when there was none, and for how long to wait if it says."""
        body = json.dumps({"action": action, "params": params}).encode()
        headers = {"Content-Type": "application/json", SIGNATURE: sign(self.secret(), body)}
        url = f"{FRONTDESK_URL}/realtime/sdk/{self.source_id()}"
        try:
            with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=10) as answer:
                return answer.status, 0
        except urllib.error.HTTPError as refused:
            with refused:
                print(f"{action} was refused: {refused.code} {start_of(refused)}", file=sys.stderr, flush=True)
                after = refused.headers.get("Retry-After", "")
                return refused.code, float(after) if after.isdecimal() else 0
        except (OSError, http.client.HTTPException) as trouble:
            print(f"{action} did not arrive: {trouble}", file=sys.stderr, flush=True)
            return 0, 0

    def tell_lightly(self, action: str, params: dict) -> None:
        """A hint: it may get lost, as it does when many wait already."""
        if self.source_id():
            with contextlib.suppress(queue.Full):
                self.hints.put_nowait((action, params))

    def keep_hinting(self) -> None:
        """Tells hints, one after the other, in their order."""
        while True:
            self.tell(*self.hints.get())

    def keep_telling(self) -> None:
        """Tells Frontdesk of every entry, in their order, until it says that it has it; and what has been seen."""
        pause, refusals = 1, 0
        while True:
            waiting = next((entry for entry in list(self.book.entries.values()) if not is_told(entry)), None)
            if waiting is None or not self.source_id():
                self.wake.wait(30)
                self.wake.clear()
                continue
            if waiting.get("desk"):
                status, after = self.tell("status.mark_as_read", {"id": waiting["id"]})
            else:
                status, after = self.tell("messages.create", self.message(waiting))
            refusals = refusals + 1 if status in REFUSALS else 0
            if status == 200 or refusals == ATTEMPTS_AFTER_REFUSAL:
                # What is refused for good is left to the lists.
                self.book.change(waiting, told=True)
                pause, refusals = 1, 0
            else:
                time.sleep(min(after or pause, PAUSE_SECONDS_MAX))
                pause = min(2 * pause, PAUSE_SECONDS_MAX)

    def secret(self) -> bytes:
        return (os.environ.get("CHANNEL_SECRET") or self.book.connection.get("secret", "")).encode()

    def source_id(self) -> str:
        return os.environ.get("SOURCE_ID") or self.book.connection.get("source_id", "")

    def introduce(self) -> None:
        """Has Frontdesk make a source for this book, once."""
        token = os.environ.get("FRONTDESK_TOKEN", "")

        def call(path: str, fields: dict) -> dict:
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
            request = urllib.request.Request(f"{FRONTDESK_URL}/1.0{path}", json.dumps(fields).encode(), headers)
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.load(answer)

        secret = self.secret().decode()
        source = {"type": "sdk", "name": "Guest book"}
        source["community_id"] = call("/communities", source)["id"]
        created = call("/content_sources", {**source, "base_uri": f"{URL}/frontdesk", "access_token": secret})
        self.book.connect(secret=secret, source_id=created["id"])


def web(url: str) -> str:
    """Our own files' addresses as others see them."""
    return URL + url if url.startswith("/") else url


def start_of(answer: urllib.error.HTTPError) -> str:
    """How an answer begins, as far as it comes at once."""
    try:
        return answer.read1(500).decode(errors="replace")
    except (OSError, http.client.HTTPException, AttributeError):
        return ""


def author_of(session: str) -> str:
    """A visitor's id, which others see, made from the cookie, which nobody else may know: it does not lead back."""
    return hashlib.sha256(f"visitor {session}".encode()).hexdigest()[:32]


def is_told(entry: dict) -> bool:
    if entry.get("told") or entry.get("deleted"):
        return True
    return bool(entry.get("desk")) and not entry.get("seen")


def sign(secret: bytes, body: bytes) -> str:
    return hmac.new(secret, body, hashlib.sha512).hexdigest()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    guestbook: Guestbook

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        parts = path.split("/")
        try:
            if path == "/":
                self.send(200, "text/html; charset=utf-8", PAGE.encode())
            elif path == "/book":
                version = urllib.parse.parse_qs(query).get("version", [""])[0]
                self.send_json(200, self.guestbook.book.view(self.visitor(), version))
            elif len(parts) == 5 and parts[1] == "files":
                self.send(200, *self.guestbook.read_file(parts[2], parts[3]))
            else:
                self.send_json(404, {"message": "There is no such page."})
        except (Refusal, OSError) as refusal:
            self.send_json(404, {"message": str(refusal)})

    def do_POST(self) -> None:
        path, _, query = self.path.partition("?")
        try:
            length = int(self.headers.get("Content-Length") or 0)
        except ValueError:
            length = -1
        if not 0 <= length <= REQUEST_BYTES_MAX:
            self.close_connection = True
            return self.send(413, "text/plain", b"The request is too large")
        body = self.read(length)
        if body is None:
            self.close_connection = True
            return self.send(408, "text/plain", b"The request did not come in time")
        if path == "/frontdesk":
            return self.from_frontdesk(body, query)
        # Another site's page cannot send this type without asking first.
        if path not in ("/book", "/seen", "/typing") or self.headers.get_content_type() != "application/json":
            return self.send_json(404, {"message": "There is no such thing to do."})
        guestbook = self.guestbook
        try:
            given = json.loads(body)
            if not isinstance(given, dict):
                raise Refusal("An object is needed.")
            if path == "/book":
                self.send_json(200, guestbook.write(self.visitor(), given))
            else:
                self.send_json(200, guestbook.seen(given) if path == "/seen" else guestbook.types(given))
        except (Refusal, ValueError, RecursionError) as refusal:
            self.send_json(422, {"message": str(refusal)})

    def read(self, length: int) -> bytes | None:
        """A body that comes within a minute. The time-out of the connection alone begins again with every byte."""
        until, body = time.monotonic() + REQUEST_SECONDS_MAX, bytearray()
        while len(body) < length:
            try:
                part = self.rfile.read1(length - len(body))
            except OSError:
                return None
            if not part or time.monotonic() > until:
                return None
            body += part
        return bytes(body)

    def from_frontdesk(self, body: bytes, query: str) -> None:
        secret = self.guestbook.secret()
        # Over the bytes as they came, before anything is read from them, and in constant time.
        given = self.headers.get(SIGNATURE) or urllib.parse.parse_qs(query).get("signature", [""])[0]
        told, expected = given.lower().encode("latin-1", "replace"), sign(secret, body).encode()
        if not secret or not hmac.compare_digest(told, expected):
            return self.send(401, "text/plain", b"Invalid signature")
        try:
            request = json.loads(body)
        except (ValueError, RecursionError):
            return self.send(400, "text/plain", b"Bad request")
        action = request.get("action") if isinstance(request, dict) else None
        params = request.get("params") or {} if isinstance(request, dict) else {}
        if not isinstance(action, str) or not isinstance(params, dict):
            return self.send(400, "text/plain", b"Invalid request format")
        if action not in self.guestbook.actions:
            return self.send(422, "text/plain", b"Invalid action")
        try:
            answer = self.guestbook.actions[action](params)
        except Refusal as refusal:
            answer = {"error": {"fatal": refusal.fatal, "message": str(refusal)}}
        self.send_json(200, answer, secret)

    def visitor(self) -> str:
        """Who is at the other end, by a cookie; whoever has none gets one."""
        for cookie in self.headers.get("Cookie", "").split(";"):
            name, _, value = cookie.strip().partition("=")
            if name == "visitor" and len(value) == 32 and value.isalnum():
                return author_of(value)
        self.new_visitor = secrets.token_hex(16)
        return author_of(self.new_visitor)

    def send_json(self, status: int, value: object, secret: bytes = b"") -> None:
        body = json.dumps(value).encode()
        self.send(status, "application/json", body, {SIGNATURE: sign(secret, body)} if secret else {})

    def send(self, status: int, kind: str, body: bytes, headers: dict | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-store")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if visitor := getattr(self, "new_visitor", None):
            self.send_header("Set-Cookie", f"visitor={visitor}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax")
            self.new_visitor = None
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Requests are not printed."""


def main() -> None:
    guestbook = Guestbook(Book(FILE))
    Handler.guestbook = guestbook
    if not guestbook.secret():
        if not os.environ.get("FRONTDESK_TOKEN"):
            sys.exit("Set FRONTDESK_TOKEN, or CHANNEL_SECRET and SOURCE_ID: see README.md.")
        guestbook.book.connect(secret=secrets.token_hex(32))
    server = ThreadingHTTPServer((HOST, PORT), Handler)
    server.daemon_threads = True
    # Frontdesk asks what the channel can do as soon as the source is made: the book is open by then.
    threading.Thread(target=server.serve_forever, daemon=True).start()
    if not guestbook.source_id() and os.environ.get("FRONTDESK_TOKEN"):
        try:
            guestbook.introduce()
        except OSError as trouble:
            sys.exit(f"Frontdesk made no source: {trouble}")
    print(f"The guest book is open at {URL}/", flush=True)
    try:
        guestbook.keep_telling()
    except KeyboardInterrupt:
        pass


PAGE = r"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Guest book</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath fill='%232f6b4f' d='M2 2h5l1 1 1-1h5v11H9l-1 1-1-1H2z'/%3E%3C/svg%3E">
<style>
  :root { --ink: #23302b; --soft: #66756e; --paper: #fffdf8; --line: #e2ddd0; --green: #2f6b4f; --pale: #e9f2ec; }
  * { box-sizing: border-box; }
  body { margin: 0; background: #f3efe6; color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
  main { max-width: 42rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
  h1 { font: 600 2rem/1.2 Georgia, serif; margin: .5rem 0 0; }
  header p { margin: .25rem 0 1.25rem; color: var(--soft); }
  form, article { background: var(--paper); border: 1px solid var(--line); border-radius: .75rem; padding: 1rem; }
  article { margin-top: 1rem; }
  article.top { border-color: var(--green); box-shadow: inset .25rem 0 var(--green); }
  article form { border: 0; padding: .75rem 0 0; }
  .entry { margin-top: .9rem; overflow-wrap: anywhere; }
  .entry:first-child { margin-top: 0; }
  .entry p { margin: .1rem 0; white-space: pre-wrap; }
  .desk { margin-left: 1.25rem; padding: .6rem .9rem; border-radius: .6rem; background: var(--pale); }
  .who { font-weight: 600; }
  time, .hint { color: var(--soft); font-size: .85rem; }
  time { white-space: nowrap; }
  img { display: block; max-width: 100%; max-height: 15rem; margin-top: .5rem; border-radius: .5rem; }
  input, textarea { width: 100%; padding: .6rem .7rem; border: 1px solid #c9c2b1; border-radius: .5rem;
    background: #fff; color: inherit; font: inherit; }
  textarea { min-height: 5.5rem; resize: vertical; }
  article textarea { min-height: 2.9rem; height: 2.9rem; }
  input:focus, textarea:focus, button:focus, a:focus { outline: 2px solid var(--green); outline-offset: 1px; }
  .row { display: flex; flex-wrap: wrap; gap: .6rem; align-items: center; margin-top: .6rem; }
  .row > input[type=file] { flex: 1 1 10rem; width: auto; min-width: 0; border: 0; padding: .2rem 0; border-radius: 0;
    background: none; font-size: .85rem; }
  ::file-selector-button { margin-right: .6rem; padding: .45rem .8rem; border: 1px solid var(--green); border-radius: .5rem;
    background: #fff; color: var(--green); font: inherit; cursor: pointer; }
  .row > textarea { flex: 1 1 12rem; width: auto; }
  button, .button { padding: .55rem 1rem; border: 1px solid var(--green); border-radius: .5rem;
    background: var(--green); color: #fff; font: inherit; text-decoration: none; cursor: pointer; }
  .choices { display: flex; flex-wrap: wrap; gap: .5rem; margin-top: .5rem; }
  .choices button, .choices .button { background: #fff; color: var(--green); }
  .cards { display: flex; gap: .75rem; overflow-x: auto; padding-bottom: .5rem; scrollbar-width: thin;
    scrollbar-color: var(--line) transparent; }
  .card { flex: 0 0 min(16rem, 85%); margin-top: .5rem; padding: .75rem; border-radius: .6rem; background: #fff; }
  .card b { display: block; }
  .hint { margin: .5rem 0 0; }
  .hint:empty, [hidden] { display: none !important; }
  label span { display: block; font-size: .85rem; color: var(--soft); margin: .5rem 0 .1rem; }
  label:first-child span { margin-top: 0; }
  @media (max-width: 30rem) { #new .row > * { flex: 1 1 100%; } }
</style>
<main>
  <header><h1>Guest book</h1><p>Write something. We read everything, and answer here.</p></header>
  <form id="new">
    <label><span>Your name</span><input name="name" maxlength="60" required autocomplete="name"></label>
    <label><span>Your entry</span><textarea name="body" maxlength="2000" required></textarea></label>
    <div class="row"><input type="file" name="file" aria-label="A picture or a document"
      accept=".png,.jpg,.jpeg,.gif,.webp,.pdf,.txt"><button>Write</button></div>
    <p class="hint" role="alert"></p>
  </form>
  <section id="book" aria-live="polite"></section>
</main>
<script>
const book = document.querySelector('#book'), threads = new Map(), shown = {};
const nameField = document.querySelector('#new [name=name]');
nameField.value = localStorage.getItem('name') ?? '';
const date = new Intl.DateTimeFormat([], { dateStyle: 'medium', timeStyle: 'short' });
let version = -1;

// Text only ever becomes text, and links lead to the web: nothing that somebody wrote can act on the page.
function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children.filter((child) => child != null));
  return element;
}
const list = (value) => (Array.isArray(value) ? value : []);
const text = (value) => (typeof value === 'string' ? value : '');
const web = (url) => (/^https?:\/\//.test(text(url)) || text(url).startsWith('/files/') ? url : '');
const post = (path, body) => fetch(path, {
  method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body),
});

function link(url, title) {
  return web(url) && make('a', { className: 'button', href: url, target: '_blank', rel: 'noopener' }, title);
}

function choice(entry, item) {
  if (item.type === 'url') return link(item.url, text(item.title)) || null;
  const pick = () => write({ thread: entry.thread, body: item.title, reply_to: entry.id, payload: item.payload });
  return make('button', { type: 'button', onclick: pick }, text(item.title));
}

function card(entry, content) {
  const picture = web(content.attachment_url);
  return make('div', { className: 'card' },
    picture && make('img', { src: picture, alt: '' }),
    make('b', {}, text(content.title)), text(content.subtitle),
    make('div', { className: 'choices' },
      link(content.url, text(content.url_text) || text(content.url)) || null,
      ...list(content.items).map((item) => choice(entry, item))));
}

// What an agent sent instead of mere text.
function structured(entry) {
  const content = entry.structured;
  const items = (draw) => list(content.items).map((item) => draw(entry, item));
  switch (content?.type) {
    case 'select': return make('div', { className: 'choices' }, ...items(choice));
    case 'rich_link': case 'template': return card(entry, content);
    case 'carousel': return make('div', { className: 'cards' }, ...items(card));
    default: return null;
  }
}

function file({ url, name, image }) {
  if (!web(url)) return null;
  const inside = image ? make('img', { src: url, alt: text(name) }) : text(name) || 'A file';
  return make('a', { href: url, target: '_blank', rel: 'noopener' }, inside);
}

function draw(entry) {
  return make('div', { className: entry.desk ? 'entry desk' : 'entry', id: entry.id },
    make('span', { className: 'who' }, text(entry.name)), ' ',
    make('time', { dateTime: entry.at }, date.format(new Date(entry.at))),
    entry.body && make('p', {}, text(entry.body)), structured(entry), ...list(entry.files).map(file));
}

function thread(id) {
  if (threads.has(id)) return threads.get(id);
  const entries = make('div'), typing = make('p', { className: 'hint' });
  const answer = make('textarea', { name: 'body', maxLength: 2000, required: true, placeholder: 'Answer…' });
  answer.setAttribute('aria-label', 'Your answer');
  const form = make('form', {}, make('div', { className: 'row' }, answer, make('button', {}, 'Answer')),
    make('p', { className: 'hint', role: 'alert' }));
  const box = { article: make('article', {}, entries, typing, form), entries, typing };
  form.onsubmit = (event) => submit(event, id);
  // What is being written is shown to the agents, at most every two seconds.
  let told = 0;
  answer.oninput = () => {
    if (Date.now() - told < 2000) return;
    told = Date.now();
    post('/typing', { thread: id, text: answer.value });
  };
  answer.onblur = () => { if (told) post('/typing', { thread: id, text: '' }); told = 0; };
  threads.set(id, box);
  return box;
}

async function write(entry) {
  const answer = await post('/book', { name: nameField.value || 'A guest', ...entry });
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.message);
  localStorage.setItem('name', nameField.value);
  await look();
}

async function submit(event, threadId) {
  event.preventDefault();
  const form = event.target, button = form.querySelector('button'), hint = form.querySelector('[role=alert]');
  const picked = form.elements.file?.files[0];
  button.disabled = true;
  try {
    const entry = { thread: threadId, body: form.elements.body.value };
    if (picked) {
      const url = await new Promise((done) => {
        const reader = new FileReader();
        reader.onload = () => done(reader.result);
        reader.readAsDataURL(picked);
      });
      entry.file = { name: picked.name, content: url.slice(url.indexOf(',') + 1) };
    }
    await write(entry);
    form.elements.body.value = '';
    if (picked) form.elements.file.value = '';
    hint.textContent = '';
  } catch (trouble) {
    hint.textContent = trouble.message;
  }
  button.disabled = false;
}
document.querySelector('#new').onsubmit = (event) => submit(event);

async function look() {
  const told = await (await fetch('/book?version=' + version)).json();
  for (const box of threads.values()) {
    const waits = told.waiting[box.id];
    const queue = waits && 'You are number ' + waits.position + ' in the queue: about ' + waits.seconds + ' seconds.';
    box.typing.textContent = told.typing[box.id] ? 'Somebody is writing an answer…' : queue || '';
  }
  if (!told.threads) return;
  version = told.version;
  const articles = told.threads.map(({ id, top, entries }) => {
    const box = Object.assign(thread(id), { id });
    box.article.classList.toggle('top', top);
    box.entries.replaceChildren(...entries.map(draw));
    for (const entry of entries) {
      // Whoever began the thread has seen the answer: the agents see that.
      if (!entry.desk || entry.seen || shown[entry.id] || !entries.some((other) => other.mine)) continue;
      shown[entry.id] = true;
      post('/seen', { id: entry.id });
    }
    return box.article;
  });
  // Only what changed its place is moved, so that nobody loses what they are writing.
  articles.forEach((article, at) => {
    if (book.children[at] !== article) book.insertBefore(article, book.children[at] ?? null);
  });
  while (book.children.length > articles.length) book.lastChild.remove();
}

look();
setInterval(() => look().catch(() => {}), 2000);
</script>
</html>
"""

if __name__ == "__main__":
    main()
