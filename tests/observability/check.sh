#!/usr/bin/env bash
# Holds the metrics of the five services to Prometheus, Istio's dashboards and Kiali: see README.md.
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds=${1:-60}
port=${METRICS_PORT:-15020}
prometheus_port=${PROMETHEUS_PORT:-19090}
command -v promtool >/dev/null || apt-get install -y --no-install-recommends prometheus >/dev/null
if [ -z "${FIVE_SERVICES:-}" ]; then
  cargo build --quiet --example five_services --features full
  FIVE_SERVICES=${CARGO_TARGET_DIR:-target}/debug/examples/five_services
fi

folder=$(mktemp -d)
running=()
trap 'kill "${running[@]}" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"' EXIT

"$FIVE_SERVICES" --serve --scale 12 --metrics "127.0.0.1:$port" >"$folder/shown" 2>"$folder/log" &
running+=($!)
for _ in $(seq 100); do
  grep -q '^rm ' "$folder/shown" && break
  sleep 0.1
done

cat >"$folder/prometheus.yml" <<END
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [$PWD/examples/observability/alerts.yaml]
scrape_configs:
- job_name: five_services
  static_configs: [{targets: ["127.0.0.1:$port"]}]
END
prometheus --config.file="$folder/prometheus.yml" --storage.tsdb.path="$folder/data" \
  --enable-feature=exemplar-storage --web.listen-address="127.0.0.1:$prometheus_port" \
  >"$folder/prometheus.log" 2>&1 &
running+=($!)

# The rates of the last seconds are asked for, so the requests go on until all is asked.
python3 tests/observability/traffic.py "$folder/shown" "$folder/counts" &
traffic=$!
running+=("$traffic")
sleep "$seconds"
failed=0

echo "promtool check metrics"
curl -sf "http://127.0.0.1:$port/metrics" >"$folder/metrics"
promtool check metrics <"$folder/metrics" >"$folder/found" 2>&1 || true
# Istio and Envoy count in milliseconds, and have their own names.
if grep -vE '^(istio|envoy)_|^meshless_attempt_duration_milliseconds use base unit|^$' "$folder/found"; then failed=1; fi
echo "  $(wc -l <"$folder/found") findings, all about names of Istio and Envoy and their milliseconds"

echo "promtool check rules, test rules"
promtool check rules examples/observability/alerts.yaml >"$folder/rules" 2>&1 || { cat "$folder/rules"; failed=1; }
(cd examples/observability && promtool test rules alerts-test.yaml) >"$folder/rules" 2>&1 || { cat "$folder/rules"; failed=1; }

python3 tests/observability/queries.py "http://127.0.0.1:$prometheus_port" || failed=1

kill "$traffic"
wait "$traffic"
sleep 3 # the last scrape sees everything
python3 tests/observability/queries.py "http://127.0.0.1:$prometheus_port" "$folder/counts" || failed=1
exit $failed
