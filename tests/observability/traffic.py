"""Sends requests to the five services until it is terminated: `traffic.py SHOWN COUNTS`.

Then it writes how many requests each service was sent, directly and through the gateway, to the file COUNTS.
"""

import json
import re
import signal
import sys
import time
import urllib.error
import urllib.request

shown = open(sys.argv[1]).read()
stopped = False


def stop(*_):
    global stopped
    stopped = True


signal.signal(signal.SIGTERM, stop)


def url(pattern):
    found = re.search(r"(http://127\.0\.0\.1:\d+)" + pattern, shown)
    return found.group(1)


users, auth = url("/api/v1/users/mina"), url("/api/v1/auth/me")
waste, recycling = url("/api/v1/waste/analyze"), url("/api/v1/recycling/advice")
locations, roboflow = url("/api/v1/locations/near"), url("/fault/500")
ingress = re.search(r"api\.yourdomain\.com' (http://127\.0\.0\.1:\d+)", shown).group(1)
statuses, counts = {}, {}


def ask(service, address, body=None, **headers):
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
    counts[service] = counts.get(service, 0) + 1


turn = 0
while not stopped:
    turn += 1
    traced = {"traceparent": f"00-{turn:032x}-00f067aa0ba902b7-01"}
    picture = '{"user":"mina","picture":"can.jpg"}'
    # Callers of several addresses, since each has a limit of its own.
    ask("waste-service", waste + "/api/v1/waste/analyze", picture, x_forwarded_for=f"198.51.100.{turn % 250}", **traced)
    ask("auth-service", auth + "/api/v1/auth/me", authorization="Bearer token-of-mina", **traced)
    ask("recycling-service", recycling + "/api/v1/recycling/results/1", **traced)
    ask("locations-service", locations + "/api/v1/locations/near?user=mina", **traced)
    ask("gateway", ingress + "/api/v1/waste/results/1", host="api.yourdomain.com", **traced)
    if turn % 10 == 0:
        ask("recycling-service", recycling + "/api/v1/recycling/advice", '{"result":1}', **traced)
    # A third of the time Roboflow fails.
    if turn % 60 == 20:
        ask("roboflow", roboflow + "/fault/500")
    if turn % 60 == 40:
        ask("roboflow", roboflow + "/fault/none")
    time.sleep(0.02)
print(f"traffic: {sum(statuses.values())} requests, {dict(sorted(statuses.items()))}")
with open(sys.argv[2], "w") as file:
    json.dump(counts, file)
