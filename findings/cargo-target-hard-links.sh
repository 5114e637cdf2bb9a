#!/usr/bin/env bash
# Cargo: target folders that are copied with hard links (`cp -al`) build one at a time.
#
# It seems natural that each copy of a target folder, made to share built dependencies without their disk space, is a
# folder of its own, so that several can build at once. Seen: the copy links `debug/.cargo-lock` too, and cargo's lock
# (flock) belongs to the inode, so that a build in one copy waits for a build in any other. Without that file in the
# copies, each makes its own.
#
# Output of a run (cargo 1.95):
#   copy as it is:     Blocking waiting for file lock on artifact directory
#   without the lock:  Finished
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
unset CARGO_TARGET_DIR
cargo init -q --lib --name linked . >/dev/null 2>&1
cargo build -q --target-dir one
cp -al one two
build() { (timeout 4 cargo build --target-dir two 2>&1 || true) | grep -o -m1 'Blocking.*\|Finished'; }
flock one/debug/.cargo-lock sleep 12 &
sleep 0.5
echo "copy as it is:     $(build)"
rm two/debug/.cargo-lock
echo "without the lock:  $(build)"
wait
