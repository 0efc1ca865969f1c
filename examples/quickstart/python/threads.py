"""Lists the threads that an agent can engage: those where a customer's message waits for somebody."""

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
    page = get("/content_threads", {"q": "status_in:new", "offset": offset, "limit": PAGE_RECORDS})
    for thread in page["records"]:
        print(thread["id"], thread["contents_count"], thread["title"] or thread["foreign_id"] or "-")
    offset += PAGE_RECORDS
    if offset >= page["count"]:
        break
