#!/usr/bin/env python3
"""A bot: it greets, answers three questions, notes what was asked, and hands over to people.

    FRONTDESK_URL=http://localhost:8080 FRONTDESK_TOKEN=<the bot's own token> python3 bot.py

docs/integrator/bots.md builds it step by step; frontdesk.py, beside it, holds what every bot needs.
"""

import re

from frontdesk import Conversation, serve

HELLO = "Hello! I am the shop's bot. I know about opening hours, delivery and returns; say \"human\" for a person."
ANSWERS = {
    "opening hours": (r"\b(open|opening|hours|closed?)\b", "We are open from Monday to Saturday, nine to six."),
    "delivery": (r"\b(deliver\w*|shipping|parcels?)\b", "A parcel takes two to three working days."),
    "returns": (r"\b(returns?|refunds?|money back)\b", "Send it back within 30 days and you get your money back."),
}
PERSON = r"\b(human|person|agent|somebody|someone)\b"
GREETING = r"\W*(hi|hello|hey|good (morning|afternoon|evening))\b[^?]*"


def answer(conversation: Conversation) -> None:
    text = conversation.content["body"].lower()
    if re.search(PERSON, text):
        return conversation.hand_over("The customer asks for a person.")
    for topic, (pattern, words) in ANSWERS.items():
        if re.search(pattern, text):
            is_first = conversation.content["first_in_thread"]
            conversation.say(f"{HELLO}\n\n{words}" if is_first else words)
            conversation.note(topic)
            return conversation.resolve()
    if re.fullmatch(GREETING, text, re.DOTALL):
        return conversation.say(HELLO)
    conversation.hand_over("The bot does not know what the customer wants.")


if __name__ == "__main__":
    serve(answer)
