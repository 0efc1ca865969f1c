"""Lists the tasks that wait or ring: what customers wrote, on its way to an agent."""

import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request

PAGE_RECORDS = 150  # the most that one answer holds


def get(path: str, parameters: dict) -> dict:
    url = f"{os.environ['FRONTDESK_URL']}/1.0{path}?{urllib.parse.urlencode(parameters)}"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {os.environ['FRONTDESK_TOKEN']}"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        sys.exit(f"{error.code}: {error.read().decode()}")


offset = 0
while True:
    page = get("/tasks", {"queue": "global", "offset": offset, "limit": PAGE_RECORDS})
    for task in page["records"]:
        print(task["id"], task["priority"], task["thread_id"])
    offset += PAGE_RECORDS
    if offset >= page["count"]:
        break
