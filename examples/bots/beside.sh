#!/usr/bin/env bash
# Runs a server with the example conversations, and the Python bot beside it, until one of them ends.
#
#   examples/bots/beside.sh DATA URL SERVER serve …
#
# The bot signs in as the example user bot@frontdesk.local, with a token that is made once and kept in DATA/bot.token.
set -euo pipefail

data=${1:?usage: beside.sh DATA URL SERVER serve …}
url=${2:?usage: beside.sh DATA URL SERVER serve …}
shift 2
server=$1
here=$(cd "$(dirname "$0")" && pwd)

trap 'kill $(jobs -p) 2> /dev/null || true; wait' EXIT
trap 'exit 130' INT TERM
"$@" &
until curl -fsS "$url/readyz" > /dev/null 2>&1; do
  kill -0 $! 2> /dev/null || { wait $!; exit; }
  sleep 0.1
done
if [[ ! -s $data/bot.token ]]; then
  (umask 077; "$server" token create --data "$data" --user bot@frontdesk.local --label "Example bot" > "$data/bot.token")
fi
echo "The bot starts. Talk to it in another terminal: docs/integrator/bots.md"
FRONTDESK_URL=$url FRONTDESK_TOKEN=$(< "$data/bot.token") python3 "$here/python/bot.py" &
wait -n
