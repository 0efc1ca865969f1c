#!/usr/bin/env bash
# Runs the quick starts in four languages against a running Frontdesk and compares what they print with what REST answers.
#
#   examples/quickstart/run-all.sh URL TOKEN
#
# The server must have a thread and a task that wait (the demo data has several). A missing interpreter is a failure.
set -euo pipefail

export FRONTDESK_URL=${1:?usage: run-all.sh URL TOKEN}
export FRONTDESK_TOKEN=${2:?usage: run-all.sh URL TOKEN}
cd "$(dirname "$0")"

for program in curl node php python3 ruby; do
  command -v "$program" > /dev/null || { echo "run-all.sh: $program is not installed" >&2; exit 1; }
done
php -r 'exit(extension_loaded("curl") ? 0 : 1);' || { echo "run-all.sh: PHP's curl extension (php-curl) is not installed" >&2; exit 1; }

# Lists of a path as the programs print them: listed PATH QUERY EXPRESSION
listed() {
  curl -sS --fail-with-body -G -H "Authorization: Bearer $FRONTDESK_TOKEN" "$FRONTDESK_URL/1.0$1" \
    --data-urlencode "$2" -d limit=150 |
    python3 -c 'import json, sys
page = json.load(sys.stdin)
assert page["count"] <= 150, "more than this check compares"
for it in page["records"]: print('"$3"')'
}

outcome=0
run() {
  local what=$1 name=$2 printed
  shift 2
  if ! printed=$("$@"); then
    echo "$name: failed" >&2
    outcome=1
  elif [[ $printed != "$expected" ]]; then
    printf '%s: printed\n%s\ninstead of\n%s\n' "$name" "$printed" "$expected" >&2
    outcome=1
  else
    echo "$name: $(wc -l <<< "$printed") $what"
  fi
}
run_all() {
  [[ -n $expected ]] || { echo "run-all.sh: there are no $1, so nothing would be proved" >&2; exit 1; }
  run "$1" Node node "node/$1.mjs"
  run "$1" PHP php "php/$1.php"
  run "$1" Python python3 "python/$1.py"
  run "$1" Ruby ruby "ruby/$1.rb"
}

expected=$(listed /content_threads q=status_in:new 'it["id"], it["contents_count"], it["title"] or it["foreign_id"] or "-"')
run_all threads

# Routing makes them soon after the messages came in.
for _ in $(seq 100); do
  expected=$(listed /tasks queue=global 'it["id"], it["priority"], it["thread_id"]')
  [[ -z $expected ]] || break
  sleep 0.1
done
run_all tasks
exit $outcome
