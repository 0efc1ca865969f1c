#!/usr/bin/env node
// A bot: it greets, answers three questions, notes what was asked, and hands over to people.
//
//     FRONTDESK_URL=http://localhost:8080 FRONTDESK_TOKEN=<the bot's own token> node bot.js
//
// The same as ../python/bot.py, which docs/integrator/bots.md builds step by step; frontdesk.js, beside it, holds what
// every bot needs.
'use strict';

const { serve } = require('./frontdesk.js');

const HELLO = 'Hello! I am the shop\'s bot. I know about opening hours, delivery and returns; say "human" for a person.';
const ANSWERS = {
  'opening hours': [/\b(open|opening|hours|closed?)\b/, 'We are open from Monday to Saturday, nine to six.'],
  delivery: [/\b(deliver\w*|shipping|parcels?)\b/, 'A parcel takes two to three working days.'],
  returns: [/\b(returns?|refunds?|money back)\b/, 'Send it back within 30 days and you get your money back.'],
};
const PERSON = /\b(human|person|agent|somebody|someone)\b/;
const GREETING = /^\W*(hi|hello|hey|good (morning|afternoon|evening))\b[^?]*$/;

async function answer(conversation) {
  const text = conversation.content.body.toLowerCase();
  if (PERSON.test(text)) return conversation.handOver('The customer asks for a person.');
  for (const [topic, [pattern, words]] of Object.entries(ANSWERS)) {
    if (!pattern.test(text)) continue;
    await conversation.say(conversation.content.first_in_thread ? `${HELLO}\n\n${words}` : words);
    await conversation.note(topic);
    return conversation.resolve();
  }
  if (GREETING.test(text)) return conversation.say(HELLO);
  return conversation.handOver('The bot does not know what the customer wants.');
}

serve(answer);
