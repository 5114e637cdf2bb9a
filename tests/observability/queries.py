"""Asks Prometheus what Istio's dashboards, this crate's dashboard and Kiali ask: `queries.py URL`.

With `queries.py URL COUNTS` it compares the counters with the requests that were sent.
"""

import csv
import json
import os
import re
import sys
import urllib.parse
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
URL = sys.argv[1]

# Service, and workload with its namespace, for which a dashboard is opened.
SERVICE = "waste-service.waste.svc.cluster.local"
WORKLOAD, NAMESPACE = "waste-service", "waste"

# Why a query of Istio's dashboards has no answer here.
REASONS = [
    (r"istio_tcp_", "TCP is not handled"),
    (r'connection_security_policy="mutual_tls"|_principal=~"spiffe', "no mutual TLS in this run"),
    (r"istio_request_duration_seconds_bucket", "a name that Istio does not emit"),
]

# Edges of the five services: source workload, destination service.
EDGES = {
    ("sesacthon-gateway", "waste-service"),
    ("locations-service", "dapi.kakao.com"),
    ("locations-service", "users-service"),
    ("recycling-service", "api.openai.com"),
    ("recycling-service", "waste-service"),
    ("waste-service", "detect.roboflow.com"),
    ("waste-service", "users-service"),
}


def query(text):
    address = URL + "/api/v1/query?" + urllib.parse.urlencode({"query": text})
    try:
        with urllib.request.urlopen(address) as response:
            return json.load(response)["data"]["result"]
    except urllib.error.HTTPError as error:
        sys.exit(f"Prometheus does not understand: {text}\n{error.read().decode()}")


def filled(text):
    values = {
        "$__rate_interval": "40s",
        "$datasource": "",
        "$dstns": ".*",
        "$dstsvc": ".*",
        "$dstwl": ".*",
        "$qrep": "source|destination|waypoint",
        "$service": SERVICE,
        "$srcns": ".*",
        "$srcwl": ".*",
        "$namespace": NAMESPACE,
        "$workload": WORKLOAD,
    }
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def has_value(result):
    return any(sample["value"][1] != "NaN" for sample in result)


failed = False


def istio():
    global failed
    answered, reasons, missing = 0, {}, []
    with open(os.path.join(HERE, "istio_dashboard_queries.tsv")) as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]
    for dashboard, panel, text in rows:
        if has_value(query(filled(text))):
            answered += 1
            continue
        reason = next((reason for name, reason in REASONS if re.search(name, text)), None)
        if reason and not (reason.startswith("a name") and "milliseconds_bucket" in text):
            reasons[reason] = reasons.get(reason, 0) + 1
        else:
            missing.append((dashboard, panel, text))
    print(f"Istio's dashboards: {answered} of {len(rows)} queries answered")
    for reason, count in reasons.items():
        print(f"  {count} not: {reason}")
    for row in missing:
        failed = True
        print("  MISSING", *row)


def own():
    with open(os.path.join(ROOT, "examples/observability/dashboard.json")) as file:
        panels = json.load(file)["panels"]
    empty, count = [], 0
    for panel in panels:
        for target in panel.get("targets", []):
            count += 1
            text = target["expr"].replace("$workload", ".*").replace("$namespace", ".*")
            if not has_value(query(filled(text))):
                empty.append(panel["title"])
    print(f"own dashboard: {count} queries understood, {count - len(empty)} answered")
    for title in sorted(set(empty)):
        print(f"  nothing to show: {title}")


BY = (
    "source_cluster, source_workload_namespace, source_workload, source_canonical_service, "
    "source_canonical_revision, destination_cluster, destination_service_namespace, destination_service, "
    "destination_service_name, destination_workload_namespace, destination_workload, "
    "destination_canonical_service, destination_canonical_revision, request_protocol, response_code, "
    "grpc_response_status, response_flags"
)
NEEDED = [name for name in BY.split(", ") if not name.endswith("_cluster") and name != "grpc_response_status"]


def dropped(labels):
    """Returns Kiali's reason to drop a series."""
    for name in NEEDED:
        if not labels.get(name):
            return f"no label {name}"
    unknown = lambda name: labels.get(name) == "unknown"
    if not unknown("source_workload_namespace") and unknown("source_workload") and unknown("source_canonical_service"):
        return "a known namespace of an unknown source"
    if unknown("source_cluster") and not unknown("source_workload_namespace"):
        return "an unknown cluster of a known source"
    if unknown("destination_cluster") and not unknown("destination_workload_namespace"):
        if labels.get("source_cluster", "unknown") == "unknown":
            return "an unknown cluster of a known destination"
    if re.fullmatch(r"[\d.]+", labels["destination_service"]) and unknown("destination_workload"):
        return "an address as an unknown destination"
    return None


def kiali():
    global failed
    namespaces = {sample["metric"]["source_workload_namespace"] for sample in query(
        'sum by (source_workload_namespace) (istio_requests_total{reporter="source"})')}
    edges, series = set(), 0
    for namespace in sorted(namespaces):
        selectors = [
            f'reporter="source",source_workload_namespace!="{namespace}",'
            f'destination_workload_namespace="unknown",destination_workload="unknown",'
            f'destination_service=~"^.+\\\\.{namespace}\\\\..+$"',
            f'reporter="destination",destination_workload_namespace="{namespace}"',
            f'reporter="source",source_workload_namespace="{namespace}"',
        ]
        for selector in selectors:
            for sample in query(f"sum(rate(istio_requests_total{{{selector}}}[60s])) by ({BY}) > 0"):
                series += 1
                labels = sample["metric"]
                reason = dropped(labels)
                if reason:
                    failed = True
                    print(f"  DROPPED: {reason}: {labels}")
                if labels["source_workload"] != "unknown":
                    edges.add((labels["source_workload"], labels["destination_service_name"]))
    print(f"Kiali: {series} series, {len(edges)} edges: "
          + ", ".join(sorted(f"{source} > {destination}" for source, destination in edges)))
    for edge in sorted(edges ^ EDGES):
        failed = True
        print("  MISSING EDGE" if edge in EDGES else "  UNEXPECTED EDGE", *edge)


def counts(file):
    """Compares each counter with the requests that `traffic.py` has sent."""
    global failed
    with open(file) as file:
        sent = json.load(file)
    for service, expected in sorted(sent.items()):
        if service == "roboflow":
            continue
        labels = ('reporter="source",source_workload="sesacthon-gateway"' if service == "gateway"
                  else f'reporter="destination",source_workload="unknown",destination_service_name="{service}"')
        result = query(f"sum(istio_requests_total{{{labels}}})")
        counted = int(float(result[0]["value"][1])) if result else 0
        print(f"{service}: {expected} requests sent, {counted} counted")
        failed |= counted != expected


if len(sys.argv) > 2:
    counts(sys.argv[2])
else:
    istio()
    own()
    kiali()
sys.exit(failed)
