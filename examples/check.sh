#!/usr/bin/env bash
# Starts a Frontdesk of its own and runs every example against it, the commands of the README's first conversation
# included.
#
#   examples/check.sh [BINARY]
set -euo pipefail

binary=$(realpath "${1:-target/debug/frontdesk}")
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
server=
bot=
stop() {
  for process in $bot $server; do kill "$process" 2> /dev/null && wait "$process" || true; done
  rm -rf "$scratch"
}
trap stop EXIT

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
port=$(free_port)
url=http://127.0.0.1:$port

"$binary" serve --data "$scratch/data" --listen "127.0.0.1:$port" --demo --allow-outbound 127.0.0.0/8 --log warn \
  > "$scratch/out" 2> "$scratch/log" &
server=$!
for _ in $(seq 300); do
  curl -fsS "$url/readyz" > /dev/null 2>&1 && break
  kill -0 "$server" 2> /dev/null || break
  sleep 0.1
done
curl -fsS "$url/readyz" > /dev/null || { cat "$scratch/out" "$scratch/log" >&2; exit 1; }
token=$(awk '/Access token/ { print $3 }' "$scratch/out")

echo "== quick starts"
examples/quickstart/run-all.sh "$url" "$token"

echo "== conversation.sh"
CHANNEL_PORT=$(free_port) examples/conversation.sh "$url" "$token" > "$scratch/conversation" 2>&1 ||
  { cat "$scratch/conversation" >&2; exit 1; }
tail -n 1 "$scratch/conversation"

echo "== the README's first conversation"
# The shell blocks of that section, with this server's address and token; the channel gets a free port.
awk '/^## The first conversation/ { on = 1; next } /^## / { on = 0 }
     on && /^```sh/ { code = 1; next } /^```/ { code = 0 } on && code' README.md |
  sed "s|^T=….*|T=$token|; s|http://localhost:8080|$url|; s|9100|$(free_port)|g" > "$scratch/readme.sh"
grep -q "^T=$token" "$scratch/readme.sh" || { echo "the README's conversation has changed its beginning" >&2; exit 1; }
printf '%s\n' "trap 'kill \$(jobs -p) 2> /dev/null || true' EXIT" 'for _ in $(seq 100); do grep -q "since this" "$1" && break; sleep 0.1; done' \
  >> "$scratch/readme.sh"
bash -euo pipefail "$scratch/readme.sh" "$scratch/readme.out" > "$scratch/readme.out" 2>&1 ||
  { cat "$scratch/readme.out" >&2; exit 1; }
for expected in '^ok' ': Yes, since this morning.$' '"closed":true'; do
  grep -q "$expected" "$scratch/readme.out" || { cat "$scratch/readme.out" >&2; echo "missing: $expected" >&2; exit 1; }
done
! grep '"error":"' "$scratch/readme.out" || exit 1
echo "as the README says"

echo "== the page that builds a channel"
# Its blocks in their order, in a folder of its own: what it says to save is saved, what it says to run is run.
mkdir "$scratch/channel"
awk '/[Ss]ave (this|it) as/ { match($0, /`[a-z_]+\.py`/); name = substr($0, RSTART + 1, RLENGTH - 2) }
     /^```python$/ { print "cat > " name " << \"END OF FILE\""; on = 1; python = 1; next }
     /^```sh$/ { on = 1; python = 0; next }
     /^```/ { if (on && python) print "END OF FILE"; on = 0; next } on' docs/integrator/channel-step-by-step.md |
  sed "s|^T=….*|T=$token|; s|^FRONTDESK=/path.*|FRONTDESK=checked|; s|http://localhost:8080|$url|; s|9100|$(free_port)|g" \
    > "$scratch/channel.sh"
grep -q "^T=$token" "$scratch/channel.sh" && grep -q "^FRONTDESK=checked" "$scratch/channel.sh" || { echo "the page that builds a channel has changed its beginning" >&2; exit 1; }
cat > "$scratch/channel/page.sh" << END
trap 'kill \$(jobs -p) 2> /dev/null || true' EXIT
cd "$scratch/channel"
set -m
printed() { for _ in \$(seq 100); do grep -q "\$1" "$scratch/channel.out" && break; sleep 0.1; done; }
# Each version is stopped by hand there, when it has printed what it should, and not before it was first asked.
asked() { for _ in \$(seq 100); do api \$U/1.0/content_sources/\$SOURCE | grep -q '"last_run_at":"' && break; sleep 0.1; done; }
next() { if kill -0 %python3 2> /dev/null; then printed ': Yes, since this morning.$'; asked; kill %python3; fi; }
checked() { printed "^hidden: \['card-2'"; "$binary" "\$@"; }
END
sed -e '/^kill %/d' -e 's/^python3 my_channel.py &/next; python3 -B my_channel.py \&/' "$scratch/channel.sh" >> "$scratch/channel/page.sh"
PYTHONDONTWRITEBYTECODE=1 bash -euo pipefail "$scratch/channel/page.sh" > "$scratch/channel.out" 2>&1 ||
  { cat "$scratch/channel.out" >&2; exit 1; }
for expected in '^ok' ': Yes, since this morning.$' '^card-3 Do you repair toasters?' '^  \[Two slots\]' "^hidden: \['card-2'\]" ' 0 failed, '; do
  grep -q "$expected" "$scratch/channel.out" || { cat "$scratch/channel.out" >&2; echo "missing: $expected" >&2; exit 1; }
done
! grep '"error":"' "$scratch/channel.out" || exit 1
echo "as the page says"

# Starts a bot and talks to it: talk_to NAME CHECK COMMAND…
talk_to() {
  local name=$1 check=$2
  shift 2
  echo "== the $name bot"
  FRONTDESK_URL=$url FRONTDESK_TOKEN=$bot_token BOT_PORT=$bot_port "$@" > "$scratch/bot" 2>&1 &
  bot=$!
  for _ in $(seq 200); do grep -q "The bot listens" "$scratch/bot" && break; sleep 0.1; done
  FRONTDESK_URL=$url FRONTDESK_TOKEN=$token MODEL_PORT=$model_port \
    python3 -B examples/bots/check.py bot@frontdesk.local "$check" || { cat "$scratch/bot" >&2; exit 1; }
  kill "$bot" && wait "$bot" || true
  bot=
}
bot_token=$("$binary" token create --data "$scratch/data" --user bot@frontdesk.local --label "Example bot")
bot_port=$(free_port)
model_port=$(free_port)
talk_to Python "http://127.0.0.1:$bot_port/" python3 -B examples/bots/python/bot.py
# At the same place: it takes over the webhook of the one before.
talk_to Node "http://127.0.0.1:$bot_port/" node examples/bots/node/bot.js
talk_to "language model" llm env LLM_URL="http://127.0.0.1:$model_port" LLM_MODEL=a-model LLM_KEY=a-key LLM_SECONDS=3 \
  python3 -B examples/bots/llm/bot.py

echo "== the page that builds a bot"
# Its blocks, in their order: block LANGUAGE NUMBER
block() {
  awk -v fence="\`\`\`$1" -v wanted="$2" \
    '$0 == fence { number++; on = number == wanted; next } /^```/ { on = 0 } on' docs/integrator/bots.md
}
export FRONTDESK_URL=$url FRONTDESK_TOKEN=$token BOT_PORT=$bot_port
source <(block sh 2 | grep -v ^export; block sh 3)
# Starts the bot of one of the page's blocks, says something to it and looks for its answer.
built() {
  block python "$1" > "$scratch/my_bot.py"
  FRONTDESK_TOKEN=$BOT_TOKEN python3 -B "$scratch/my_bot.py" > "$scratch/bot" 2>&1 &
  bot=$!
  for _ in $(seq 200); do grep -q "The bot listens" "$scratch/bot" && break; sleep 0.1; done
  (echo "$2"; for _ in $(seq 100); do grep -q "$3" "$scratch/talk" && break; sleep 0.1; done) |
    python3 -B examples/bots/talk.py robo@example.com > "$scratch/talk" 2>&1
  grep -q "^Robo Bot: $3" "$scratch/talk" || { cat "$scratch/bot" "$scratch/talk" >&2; exit 1; }
  kill "$bot" && wait "$bot" || true
  bot=
}
built 1 "Hello!" "Hello! I am new here."
built 2 "How do I return a kettle?" "Send it back within 30 days"
built 2 "What is the meaning of life?" "I am passing this on"
echo "as the page says"

# Warnings would be worth a look; errors are a failure.
! grep '"level":"ERROR"' "$scratch/log" || exit 1
