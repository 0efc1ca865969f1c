#!/usr/bin/env bash
# Runs the four quick starts against a running Frontdesk and compares what they print with what REST answers.
#
#   examples/quickstart/run-all.sh URL TOKEN
#
# The server must have a thread that waits (the demo data has several). A missing interpreter is a failure.
set -euo pipefail

export FRONTDESK_URL=${1:?usage: run-all.sh URL TOKEN}
export FRONTDESK_TOKEN=${2:?usage: run-all.sh URL TOKEN}
cd "$(dirname "$0")"

for program in curl node php python3 ruby; do
  command -v "$program" > /dev/null || { echo "run-all.sh: $program is not installed" >&2; exit 1; }
done
php -r 'exit(extension_loaded("curl") ? 0 : 1);' || { echo "run-all.sh: PHP's curl extension (php-curl) is not installed" >&2; exit 1; }

expected=$(
  curl -sS --fail-with-body -G -H "Authorization: Bearer $FRONTDESK_TOKEN" "$FRONTDESK_URL/1.0/content_threads" \
    --data-urlencode q=status_in:new -d limit=150 |
    python3 -c 'import json, sys
page = json.load(sys.stdin)
assert page["count"] <= 150, "more threads than this check compares"
for thread in page["records"]: print(thread["id"], thread["contents_count"], thread["title"] or thread["foreign_id"] or "-")'
)
[[ -n $expected ]] || { echo "run-all.sh: no thread waits, so nothing would be proved" >&2; exit 1; }

outcome=0
run() {
  local name=$1 printed
  shift
  if ! printed=$("$@"); then
    echo "$name: failed" >&2
    outcome=1
  elif [[ $printed != "$expected" ]]; then
    printf '%s: printed\n%s\ninstead of\n%s\n' "$name" "$printed" "$expected" >&2
    outcome=1
  else
    echo "$name: $(wc -l <<< "$printed") threads"
  fi
}
run Node node node/threads.mjs
run PHP php php/threads.php
run Python python3 python/threads.py
run Ruby ruby ruby/threads.rb
exit $outcome
