#!/usr/bin/env python3
"""A customer's window in the terminal: what you type reaches Frontdesk, what a bot or an agent answers is printed.

    FRONTDESK_URL=http://localhost:8080 FRONTDESK_TOKEN=<an administrator's token> python3 talk.py [USER…]

It makes a source of its own, and lets the users (by their e-mail; the demo's bot when none is named) read and answer on
it. Frontdesk must be allowed to call 127.0.0.0/8, as with `make run`. Standard library only.
"""

import json
import os
import pathlib
import sys
import threading
import time
import urllib.parse
import urllib.request
from http.server import ThreadingHTTPServer

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "channel"))
from channel import SIGNATURE_HEADER, Channel, sign  # noqa: E402


class Window:
    """A source, the channel that Frontdesk pushes answers to, and customers who write on it."""

    def __init__(self, url: str, token: str, received):
        self.url, self.token, self.run, self.written = url, token, f"{time.time_ns():x}", 0
        self.channel = type("Window", (Channel,), {"received": lambda _, params: received(params)})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self.channel)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        community = self.api("POST", "/communities", {"type": "sdk", "name": f"Window {self.run}"})
        source = self.api("POST", "/content_sources?extended=true", {
            "type": "sdk", "name": f"Window {self.run}", "community_id": community["id"],
            "base_uri": f"http://127.0.0.1:{self.server.server_port}/",
        })
        self.source_id, self.secret = source["id"], source["access_token"].encode()
        self.channel.secret = self.secret

    def api(self, method: str, path: str, body: dict | None = None) -> dict:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        return json.loads(self.send(urllib.request.Request(f"{self.url}/1.0{path}", data, headers, method=method)))

    def send(self, request: urllib.request.Request) -> bytes:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read()

    def let_in(self, email: str) -> str:
        """Lets a user read and answer; returns their id."""
        found = self.api("GET", f"/users?email={urllib.parse.quote(email)}")["records"]
        if not found:
            sys.exit(f"No user has the e-mail {email}: make one, or name another.")
        user = found[0]["id"]
        self.api("PUT", f"/users/{user}/sources_permissions", {self.source_id: "read,reply"})
        return user

    def write(self, customer: str, text: str) -> str:
        """A customer writes; returns the message's id on the channel."""
        self.written += 1
        message_id = f"{self.run}-{self.written}"
        author = {"id": f"{customer}-{self.run}", "screenname": customer, "created_at": "2026-01-15"}
        params = {"id": message_id, "thread_id": f"{customer}-{self.run}", "body": text, "format": "text"}
        body = json.dumps({"action": "messages.create", "params": {**params, "author": author}}).encode()
        headers = {SIGNATURE_HEADER: sign(self.secret, body)}
        self.send(urllib.request.Request(f"{self.url}/realtime/sdk/{self.source_id}", body, headers))
        return message_id


def main() -> None:
    window = Window(
        os.environ["FRONTDESK_URL"], os.environ["FRONTDESK_TOKEN"],
        lambda params: print(f"{params.get('sender_name', 'an agent')}: {params['body']}", flush=True),
    )
    for email in sys.argv[1:] or ["bot@frontdesk.local"]:
        window.let_in(email)
    print("Write something, such as: Hello! Ctrl-D ends it.", flush=True)
    for line in sys.stdin:
        if line.strip():
            window.write("you", line.strip())
    time.sleep(1)  # for what is on its way


if __name__ == "__main__":
    main()
