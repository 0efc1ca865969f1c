#!/usr/bin/env python3
"""A channel in one file: it receives what agents write, checks the signature, prints it and answers with an id.

    CHANNEL_SECRET=<access_token of the source> python3 channel.py [PORT]

Standard library only. A real channel would store the message where this one prints it.
"""

import hashlib
import hmac
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SIGNATURE_HEADER = "X-SMCCSDK-SIGNATURE"
# Frontdesk sends a body of 20,000 characters and the addresses of attachments: far less than this.
REQUEST_BYTES_MAX = 1024 * 1024
# What it can do: it has no lists, so it is not asked what is new.
OBJECTS = {"messages": ["create"], "private_messages": ["create"], "threads": ["create"]}
CREATING_ACTIONS = tuple(f"{name}.{action}" for name, actions in OBJECTS.items() for action in actions)


def sign(secret: bytes, body: bytes) -> str:
    return hmac.new(secret, body, hashlib.sha512).hexdigest()


class Channel(BaseHTTPRequestHandler):
    secret = b""

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > REQUEST_BYTES_MAX:
            return self.answer(413, {"error": {"fatal": True, "message": "The request is too large"}})
        body = self.rfile.read(length)
        # Over the bytes as they came, before anything is read from them, and in constant time.
        given = self.headers.get(SIGNATURE_HEADER, "")
        if not hmac.compare_digest(sign(self.secret, body).encode(), given.encode()):
            return self.answer(422, {"error": {"fatal": False, "message": "Invalid signature"}})
        try:
            request = json.loads(body)
            action, params = request["action"], request.get("params")
            if action == "implementation.info":
                return self.answer(200, {"objects": OBJECTS, "options": ["messages.text"]})
            if action not in CREATING_ACTIONS:
                return self.answer(422, {"error": {"fatal": False, "message": "Invalid action"}})
            # content_id stays the same when a push is repeated, so an id made from it recognises the repeat.
            answer = {"id": f"channel-{params['content_id']}"}
            self.received(params)
        except (ValueError, LookupError, TypeError, AttributeError):
            return self.answer(400, {"error": {"fatal": True, "message": "Bad request"}})
        self.answer(200, answer)

    def received(self, params: dict) -> None:
        repeat = " (again)" if params["retry"] else ""
        print(f"{params.get('sender_name', 'an agent')}{repeat}: {params['body']}", flush=True)

    def answer(self, status: int, value: dict) -> None:
        body = json.dumps(value, separators=(",", ":")).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header(SIGNATURE_HEADER, sign(self.secret, body))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Only messages are printed."""


def main() -> None:
    secret = os.environ.get("CHANNEL_SECRET", "")
    if not secret:
        sys.exit("CHANNEL_SECRET: set it to the access_token of the source")
    Channel.secret = secret.encode()
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 9100
    with ThreadingHTTPServer(("127.0.0.1", port), Channel) as server:
        print(f"The channel listens at http://127.0.0.1:{server.server_port}/", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
