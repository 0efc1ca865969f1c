#!/usr/bin/env bash
# A whole conversation, step by step: a channel of its own, a customer's message, an agent's answer, the end.
#
#   examples/conversation.sh URL TOKEN
#
# URL is that of a running Frontdesk that may call 127.0.0.0/8 (make run sees to it), TOKEN an administrator's access
# token. Needs bash, curl, openssl and python3. Fails at the first step that does not do what it should.
set -euo pipefail

url=${1:?usage: conversation.sh URL TOKEN}
token=${2:?usage: conversation.sh URL TOKEN}
port=${CHANNEL_PORT:-9100}
here=$(cd "$(dirname "$0")" && pwd)
# What is unique in this run: a message's id is remembered for ever.
run=$(date +%s)-$$
scratch=$(mktemp -d)
channel=
trap '[[ -z $channel ]] || kill "$channel" 2>/dev/null || true; rm -rf "$scratch"' EXIT

api() { curl -sS --fail-with-body -H "Authorization: Bearer $token" "$@"; }
# Reads one value of the JSON on standard input: field records.0.id
field() {
  python3 -c 'import functools, json, sys
step = lambda value, key: value[int(key)] if isinstance(value, list) else value[key]
print(functools.reduce(step, sys.argv[1].split("."), json.load(sys.stdin)))' "$1"
}
say() { printf '\n== %s\n' "$*"; }

say "A community, and a source in it: the address where the channel listens"
community=$(api "$url/1.0/communities" -d type=sdk -d "name=Postcards $run" | field id)
api "$url/1.0/content_sources" -d type=sdk -d "name=Postcards $run" -d "community_id=$community" \
  -d "base_uri=http://127.0.0.1:$port/" > "$scratch/source.json"
source=$(field id < "$scratch/source.json")
secret=$(field access_token < "$scratch/source.json")
echo "source $source"

say "The channel starts"
CHANNEL_SECRET=$secret python3 "$here/channel/channel.py" "$port" > "$scratch/channel" 2>&1 &
channel=$!
for _ in $(seq 50); do grep -q listens "$scratch/channel" && break; sleep 0.1; done
grep listens "$scratch/channel" || { cat "$scratch/channel"; exit 1; }

say "A customer writes: one request, signed with the source's secret"
message=$(cat <<JSON
{"action":"messages.create","params":{"id":"card-$run","thread_id":"vera-$run","body":"Is the blue kettle back in stock?",
 "format":"text","author":{"id":"vera","screenname":"Vera Visitor","created_at":"2026-01-15"}}}
JSON
)
signature=$(printf %s "$message" | openssl dgst -sha512 -hmac "$secret" | sed 's/.* //')
curl -sS --fail-with-body "$url/realtime/sdk/$source" -H "X-SMCCSDK-SIGNATURE: $signature" --data-binary "$message"
echo

say "An agent finds it, engages it and answers"
content=$(api -G "$url/1.0/contents" --data-urlencode "q=source:$source status_in:new" | field records.0.id)
intervention=$(api "$url/1.0/interventions" -d "content_id=$content" | field id)
reply=$(api "$url/1.0/contents" -d "in_reply_to_id=$content" --data-urlencode "body=Yes, since this morning." | field id)
echo "content $content, intervention $intervention, reply $reply"

say "The channel has it"
for _ in $(seq 100); do grep -q "since this morning" "$scratch/channel" && break; sleep 0.1; done
grep "since this morning" "$scratch/channel" || { echo "the push did not arrive"; exit 1; }
# The answer is written down a moment after the channel gave it.
for _ in $(seq 50); do
  status=$(api "$url/1.0/contents/$reply" | field synchronization_status)
  [[ $status == success ]] && break
  sleep 0.1
done
echo "synchronization_status $status, foreign_id $(api "$url/1.0/contents/$reply" | field foreign_id)"
[[ $status == success ]]

say "The agent says how it ended, and closes"
category=$(api "$url/1.0/categories" --data-urlencode "name=Answered $run" | field id)
api -X PUT "$url/1.0/interventions/$intervention/update_categories" -d "category_ids[]=$category" > /dev/null
api -X PUT "$url/1.0/interventions/$intervention/close" > "$scratch/closed"
echo "closed_at $(field closed_at < "$scratch/closed"), first reply after $(field first_user_reply_in < "$scratch/closed") s"
[[ $(field closed < "$scratch/closed") == True ]]
