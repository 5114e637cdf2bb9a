"""Sends requests to the five services for some seconds: `traffic.py SHOWN SECONDS`."""

import re
import sys
import time
import urllib.error
import urllib.request

shown = open(sys.argv[1]).read()
seconds = float(sys.argv[2])


def url(pattern):
    found = re.search(r"(http://127\.0\.0\.1:\d+)" + pattern, shown)
    return found.group(1)


users, auth = url("/api/v1/users/mina"), url("/api/v1/auth/me")
waste, recycling = url("/api/v1/waste/analyze"), url("/api/v1/recycling/advice")
locations, roboflow = url("/api/v1/locations/near"), url("/fault/500")
ingress = re.search(r"api\.yourdomain\.com' (http://127\.0\.0\.1:\d+)", shown).group(1)
statuses = {}


def ask(address, body=None, **headers):
    if body is not None:
        headers["content-type"] = "application/json"
        body = body.encode()
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(address, data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            response.read()
            status = response.status
    except urllib.error.HTTPError as error:
        error.read()
        status = error.code
    statuses[status] = statuses.get(status, 0) + 1


end = time.time() + seconds
turn = 0
while time.time() < end:
    turn += 1
    traced = {"traceparent": f"00-{turn:032x}-00f067aa0ba902b7-01"}
    picture = '{"user":"mina","picture":"can.jpg"}'
    # Callers of several addresses, since each has a limit of its own.
    ask(waste + "/api/v1/waste/analyze", picture, x_forwarded_for=f"198.51.100.{turn % 250}", **traced)
    ask(auth + "/api/v1/auth/me", authorization="Bearer token-of-mina", **traced)
    ask(recycling + "/api/v1/recycling/results/1", **traced)
    ask(locations + "/api/v1/locations/near?user=mina", **traced)
    ask(ingress + "/api/v1/waste/results/1", host="api.yourdomain.com", **traced)
    if turn % 10 == 0:
        ask(recycling + "/api/v1/recycling/advice", '{"result":1}', **traced)
    # A third of the time Roboflow fails.
    if turn % 60 == 20:
        ask(roboflow + "/fault/500")
    if turn % 60 == 40:
        ask(roboflow + "/fault/none")
    time.sleep(0.02)
print(f"traffic: {sum(statuses.values())} requests, {dict(sorted(statuses.items()))}")
# The last scrape sees everything.
time.sleep(3)
