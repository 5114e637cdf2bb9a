#!/usr/bin/env python3
"""Writes fields.txt beside it: fields.py crd-all.gen.yaml COMMIT

The input is istio/istio's manifests/charts/base/files/crd-all.gen.yaml. A line is a field: its name with `[]`
for a list or `{}` for a map, the type of its value, and the constraints that the fields declare: `required`,
bounds of a size or a number, the maximum size of each item, and the names of a choice. Patterns, rules in CEL and the bounds of the
integer types are left out.
"""

import pathlib
import sys

import yaml

# Kinds that are passed over with a warning.
UNREAD = {"ProxyConfig", "TrafficExtension", "WasmPlugin"}
INTEGERS = {-(2**31), 0, 2**31 - 1, 2**32 - 1}
SIZES = [("minItems", "maxItems"), ("minProperties", "maxProperties"), ("minLength", "maxLength")]


def bounds(schema):
    for least, most in SIZES:
        if most in schema:
            # A text of length 0 is one that is not there.
            low = schema.get(least, 0) if least != "minLength" else 0
            return f"{low}..{schema[most]}"
    least, most = (schema.get(key) for key in ("minimum", "maximum"))
    if least in INTEGERS and most in INTEGERS | {None} or least is None and most is None:
        return ""
    most = "" if most in INTEGERS or most is None else most
    return f"{least or 0}..{most}"


def lines(schema, depth):
    required = schema.get("required", [])
    # Two names of one field, one of them in snake case.
    properties = {k: v for k, v in schema.get("properties", {}).items() if "_" not in k}
    for name, field in sorted(properties.items()):
        value, mark = field, ""
        if "items" in field:
            value, mark = field["items"], "[]"
        elif isinstance(field.get("additionalProperties"), dict):
            value, mark = field["additionalProperties"], "{}"
        kind = value.get("type") or ("any" if "x-kubernetes-int-or-string" not in value else "string")
        if kind == "object" and "properties" not in value and value.get("x-kubernetes-preserve-unknown-fields"):
            kind = "any"
        parts = [name + mark, kind, "required" if name in required else "", bounds(field)]
        if mark:
            each = bounds(value)
            parts.append(each and f"each {each}")
        parts.append("|".join(sorted(value.get("enum", []))))
        yield "  " * depth + " ".join(part for part in parts if part)
        yield from lines(value, depth + 1)


def main():
    source, commit = sys.argv[1:]
    text = [
        "# Fields of Istio's CustomResourceDefinitions, by fields.py from istio/istio's",
        f"# manifests/charts/base/files/crd-all.gen.yaml at {commit} (Istio 1.31, Apache-2.0).",
    ]
    for crd in yaml.safe_load_all(pathlib.Path(source).read_text()):
        kind = crd["spec"]["names"]["kind"]
        if kind in UNREAD:
            continue
        specs = {}
        for version in crd["spec"]["versions"]:
            spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
            specs.setdefault("\n".join(lines(spec, 1)), []).append(version["name"])
        for fields, versions in specs.items():
            text += [" ".join([kind, *sorted(versions)]), fields]
    path = pathlib.Path(__file__).with_name("fields.txt")
    path.write_text("\n".join(text) + "\n")


main()
