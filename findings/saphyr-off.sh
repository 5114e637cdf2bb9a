#!/usr/bin/env bash
# serde-saphyr 2.2 reads YAML 1.2, whose core schema has `true` and `false` alone. Guessed: a plain `off` is a text, for
# every target. Seen: for a target that takes any value (`deserialize_any`: serde_json's Value, untagged enums) it is the
# boolean false, as in YAML 1.1, while a String gets "off"; `no` and `n` likewise. Quotes keep the text.
#
#   any:    {"a":false,"b":"off","c":false}
#   string: off
#
# Exits with 1 if that changes.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/src"
cat >"$dir/Cargo.toml" <<'TOML'
[package]
name = "saphyr-off"
version = "0.0.0"
edition = "2024"

[dependencies]
serde-saphyr = { version = "=2.2.0", default-features = false, features = ["deserialize"] }
serde_json = "1"

[workspace]
TOML
cat >"$dir/src/main.rs" <<'RUST'
fn main() {
    let any: serde_json::Value = serde_saphyr::from_str("{a: off, b: 'off', c: no}").unwrap();
    let text: String = serde_saphyr::from_str("off").unwrap();
    println!("any:    {any}\nstring: {text}");
}
RUST
found=$(cargo run --quiet --manifest-path "$dir/Cargo.toml")
echo "$found"
[ "$found" = $'any:    {"a":false,"b":"off","c":false}\nstring: off' ]
