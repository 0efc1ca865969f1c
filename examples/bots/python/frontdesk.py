"""What every bot needs: the REST API, the webhook, and one conversation. Standard library only, Python 3.10 or newer.

Settings: FRONTDESK_URL, FRONTDESK_TOKEN (of the bot's own user), BOT_PORT (9200), BOT_URL (where Frontdesk reaches the
bot, http://127.0.0.1:9200/), BOT_HUMAN_CATEGORY (the category of threads that wait for people, if there is one).
"""

import base64
import hashlib
import hmac
import http.client
import json
import os
import secrets
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

EVENT_BYTES_MAX = 1024 * 1024
EVENT_AGE_SECONDS_MAX = 3600  # nobody wants an answer to what they asked long ago
CLOCK_SECONDS_MAX = 300  # between the time of a signature and ours
TOPIC_FIELD = "last_topic"  # a custom field of identity groups
PERMANENT = (400, 403, 404, 422)  # refusals that another attempt would meet again
UNREACHABLE = (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError)


class Refused(Exception):
    """Frontdesk's answer was none of success."""

    def __init__(self, status: int, text: str):
        super().__init__(f"{status}: {text}")
        self.status, self.text = status, text

    def is_about(self, reason: str) -> bool:
        """Whether this is the reason, as `error` or as the `type` of one of `errors`."""
        try:
            told = json.loads(self.text)
        except ValueError:
            return False
        return reason == told["error"] or any(reason == error["type"] for error in told.get("errors", []))


class Frontdesk:
    """The REST API, as the user whose token it is."""

    def __init__(self, url: str, token: str):
        self.url, self.token = url, token
        self.me = self.get("/users/me")["id"]

    def call(self, method: str, path: str, body: dict | None = None, key: str = "") -> dict:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        if key:
            headers["Idempotency-Key"] = key  # sent twice, it happens once
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/1.0{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise Refused(error.code, error.read().decode(errors="replace")) from None

    def get(self, path: str, **parameters: str) -> dict:
        return self.call("GET", f"{path}?{urllib.parse.urlencode(parameters)}")


class Conversation:
    """One customer's message, and what can be done about it. The event's id makes every step happen once."""

    def __init__(self, desk: Frontdesk, event: dict):
        self.desk, self.event_id, self.content_id = desk, event["id"], event["resource"]["id"]
        self.content = desk.get(f"/contents/{self.content_id}")
        self.intervention_id = ""

    def take(self) -> bool:
        """Engages the customer, unless that is somebody's business already."""
        if self.content["intervention_id"]:
            return self.is_mine()
        try:
            self.intervention_id = self.post("/bots/engage", {"content_id": self.content_id}, "engage")["id"]
            return True
        except Refused as refused:
            if refused.status != 422:
                raise
            # Somebody was quicker; that may have been this bot, at the customer's message before.
            self.content = self.desk.get(f"/contents/{self.content_id}")
            return self.is_mine()

    def is_mine(self) -> bool:
        """What a person has, or waits for one after a handover, is not the bot's."""
        if not self.content["intervention_id"]:
            return False
        intervention = self.desk.get(f"/interventions/{self.content['intervention_id']}")
        if intervention["user_id"] == self.desk.me:
            self.intervention_id = intervention["id"]
        return bool(self.intervention_id)

    def say(self, text: str) -> None:
        """Answers, once: at a repeat of the event nothing is said, whatever the text would be now."""
        body = {"in_reply_to_id": self.content_id, "body": text, "auto_submitted": True}
        try:
            self.post("/contents", body, "say")
        except Refused as refused:
            if refused.is_about("intervention_closed"):
                # It was resolved with the customer's message before.
                self.post("/bots/engage", {"content_id": self.content_id}, "reopen")
                self.post("/contents", body, "say")
            elif not refused.is_about("idempotency_key_reused"):
                raise

    def note(self, topic: str) -> None:
        """What people should know of this customer."""
        group = f"/identities/{self.content['author_id']}/identity_group"
        try:
            self.desk.call("PUT", group, {"custom_field_values": {TOPIC_FIELD: topic}})
        except Refused as refused:
            print(f"the topic was not noted: {refused}", file=sys.stderr, flush=True)

    def resolve(self) -> None:
        self.post("/bots/complete", {"intervention_id": self.intervention_id}, "complete")

    def hand_over(self, reason: str) -> None:
        """To people: tells the customer what to expect, and the agent why."""
        if self.is_an_agent_available():
            self.say("I am putting you through to a colleague.")
        else:
            self.say("I am passing this on: a colleague will answer you here as soon as possible.")
        self.post("/intervention_comments", {"intervention_id": self.intervention_id, "body": reason}, "comment")
        handover = {"from": "bot", "to": "agent", "type": "engage_virtual_agent", "intervention_id": self.intervention_id}
        if os.environ.get("BOT_HUMAN_CATEGORY"):
            handover["thread_category_ids"] = [os.environ["BOT_HUMAN_CATEGORY"]]
        self.post("/bots/handover", handover, "handover")

    def is_an_agent_available(self) -> bool:
        """Whether anybody could take it: an agent who is available, and not full, on the channel of its source. Where
        that is not known, nothing is promised."""
        source_id = self.content["source_id"]
        wanted = {"source_ids[]": source_id}
        if os.environ.get("BOT_HUMAN_CATEGORY"):
            wanted["category_ids[]"] = os.environ["BOT_HUMAN_CATEGORY"]
        try:
            channel_id = self.desk.get(f"/content_sources/{source_id}")["channel_id"]
            agents = self.desk.get("/status", **wanted)
        except Refused:
            return False
        channels = [channel for agent in agents if agent["agent_id"] != self.desk.me for channel in agent["channels"]]
        return any(
            channel["id"] == channel_id and channel["status"] == "available" and channel["busyness"] != "full"
            for channel in channels
        )

    def post(self, path: str, body: dict, step: str) -> dict:
        return self.desk.call("POST", path, body, f"{self.event_id}-{step}")


def is_for_bots(event: dict) -> bool:
    """A customer's message that nobody has, or that came into a conversation which may be this bot's."""
    if event["type"] != "content.imported":
        return False
    issued_at = datetime.strptime(event["issued_at"], "%Y-%m-%dT%H:%M:%S.%f%z")
    metadata = event["resource"]["metadata"]
    is_recent = time.time() - issued_at.timestamp() < EVENT_AGE_SECONDS_MAX
    return is_recent and not metadata["creator_id"] and metadata["status"] in ("new", "assigned")


class Receiver(BaseHTTPRequestHandler):
    """What Frontdesk calls: a challenge when the webhook is registered, then events."""

    timeout = 10
    verify_token, secret = secrets.token_hex(16), secrets.token_hex(16)
    signing_key = secrets.token_bytes(32)  # until the webhook is registered nobody knows it

    def do_GET(self) -> None:
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
        is_known = self.knows_secret() and same(asked.get("hub.verify_token", ""), self.verify_token)
        if asked.get("hub.mode") == "subscribe" and is_known:
            return self.reply(200, asked.get("hub.challenge", ""))
        self.reply(403, "This is not for me.")

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > EVENT_BYTES_MAX:
            return self.reply(413, "This is too large.")
        body = self.rfile.read(length)
        if not self.knows_secret() or not self.is_signed(body):
            return self.reply(403, "This is not from Frontdesk.")
        try:
            for event in filter(is_for_bots, json.loads(body)["events"]):
                self.take_care(Conversation(self.desk, event))
        except Exception as trouble:
            print(f"trouble: {trouble!r}", file=sys.stderr, flush=True)
            if is_for_a_moment(trouble):
                return self.reply(500, "Try again later.")
        self.reply(200, "")

    def take_care(self, conversation: Conversation) -> None:
        """Answers, if the conversation is the bot's. What the bot fails at goes to people."""
        if not conversation.take():
            return
        try:
            self.answer(conversation)
        except Exception as trouble:
            if is_for_a_moment(trouble):
                raise
            print(f"the bot failed: {trouble!r}", file=sys.stderr, flush=True)
            conversation.hand_over("The bot failed.")

    def knows_secret(self) -> bool:
        return same(self.headers.get("X-Dimelo-Secret", ""), self.secret)

    def is_signed(self, body: bytes) -> bool:
        """As the Standard Webhooks specification says: nobody else wrote this, and not long ago."""
        request_id, sent_at = self.headers.get("webhook-id", ""), self.headers.get("webhook-timestamp", "")
        if not sent_at.isdigit() or abs(time.time() - int(sent_at)) > CLOCK_SECONDS_MAX:
            return False
        signed = hmac.new(self.signing_key, f"{request_id}.{sent_at}.".encode() + body, hashlib.sha256).digest()
        expected = f"v1,{base64.b64encode(signed).decode()}"
        return any(same(given, expected) for given in self.headers.get("webhook-signature", "").split())

    def reply(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Only trouble is printed."""


def is_for_a_moment(trouble: Exception) -> bool:
    """Whether all may be well when Frontdesk sends the event again."""
    if isinstance(trouble, Refused):
        return trouble.status not in PERMANENT
    return isinstance(trouble, UNREACHABLE)


def same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def register(desk: Frontdesk, url: str) -> None:
    """Registers the webhook; after a restart the one of before, so that nothing is lost that happened meanwhile."""
    wish = {
        "url": url, "name": "Bot", "active": True, "registered_events": ["content.imported"],
        "verify_token": Receiver.verify_token, "secret": Receiver.secret,
    }
    known = [webhook for webhook in desk.get("/webhooks", limit="150")["records"] if webhook["url"] == url]
    if known:
        desk.call("PUT", f"/webhooks/{known[0]['id']}", wish)
        webhook = desk.call("POST", f"/webhooks/{known[0]['id']}/rotate_signing_secret", {})
    else:
        webhook = desk.call("POST", "/webhooks?extended=true", wish)
    Receiver.signing_key = base64.b64decode(webhook["signing_secret"].removeprefix("whsec_"))
    while (state := desk.get(f"/webhooks/{webhook['id']}", extended="true"))["webhook_status"] == "verifying":
        time.sleep(0.2)
    if not state["active"]:
        sys.exit(f"the webhook is {state['webhook_status']}: {state['error']}")


def serve(answer) -> None:
    """Listens, registers, and gives every conversation that is the bot's to `answer`."""
    port = int(os.environ.get("BOT_PORT", "9200"))
    Receiver.answer = staticmethod(answer)
    try:
        listen(port)
    except (Refused, OSError) as trouble:
        sys.exit(f"the bot cannot start: {trouble}")


def listen(port: int) -> None:
    missing = [name for name in ("FRONTDESK_URL", "FRONTDESK_TOKEN") if not os.environ.get(name)]
    if missing:
        sys.exit(f"the bot cannot start: set {' and '.join(missing)}; the token is that of its own user")
    Receiver.desk = Frontdesk(os.environ["FRONTDESK_URL"], os.environ["FRONTDESK_TOKEN"])
    with ThreadingHTTPServer(("127.0.0.1", port), Receiver) as server:
        listening = threading.Thread(target=server.serve_forever, daemon=True)
        listening.start()
        register(Receiver.desk, os.environ.get("BOT_URL", f"http://127.0.0.1:{port}/"))
        print("The bot listens.", flush=True)
        try:
            listening.join()
        except KeyboardInterrupt:
            pass
