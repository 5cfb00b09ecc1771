"""publish.py CHANNEL JSON [KEY]: publishes one message and prints its position. Standard library only."""

import http.client
import json
import os
import random
import sys
import time
import urllib.error
import urllib.request
import uuid


def publish(channel, data, key=None, attempts=6):
    """Publishes data once, however often it has to be sent, and gives the server's answer."""
    body = json.dumps({"channel": channel, "data": data, "idempotencyKey": key or str(uuid.uuid4())}).encode()
    request = urllib.request.Request(os.environ["TIDINGS_URL"] + "/api/publish", body, {
        "Authorization": "Bearer " + os.environ["TIDINGS_API_KEY"],
        "Content-Type": "application/json",
    })
    for attempt in range(attempts):
        try:
            with urllib.request.urlopen(request, timeout=15) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            try:
                error = json.load(refused)["error"]
            except (ValueError, KeyError, TypeError):  # not Tidings: a proxy in between
                error = {"code": refused.code, "message": refused.reason, "hint": "", "retry": refused.code in (502, 503, 504)}
            problem = f"{error['code']}: {error['message']}. {error['hint']}"
            if not error["retry"]:
                break
        except (OSError, http.client.HTTPException, ValueError) as lost:  # no answer: the message may stand, or not
            problem = f"no answer: {lost}"
        time.sleep(random.uniform(0, min(20, 0.2 * 2 ** attempt)))
    raise RuntimeError(problem)


if __name__ == "__main__":
    published = publish(sys.argv[1], json.loads(sys.argv[2]), *sys.argv[3:4])
    print("{epoch}:{offset}:{tag}".format(**published))
