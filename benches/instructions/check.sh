#!/usr/bin/env bash
# Counts the instructions that the layers add to a call (callgrind), and compares them with those that
# were recorded: fails if any case costs over 5 % more.
#
#   benches/instructions/check.sh            compare
#   benches/instructions/check.sh --record   write what is counted to recorded.tsv
#
# Needs valgrind. Callgrind does not see the vDSO: each reading of the clock counts 62 instructions too
# few. The counts repeat to the instruction, but for the digits of random ids; they belong to one
# compiler and one C library, so that with another compiler the comparison only informs.
set -euo pipefail
cd "$(dirname "$0")"

calls=1000
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-../../target/instructions}
cargo build --release --quiet
program=$CARGO_TARGET_DIR/release/meshless-instructions
compiler=$(rustc --version | cut -d' ' -f1,2)

count() {
  valgrind --tool=callgrind --callgrind-out-file=/dev/null \
    --collect-atstart=no --toggle-collect='*::measured' \
    "$program" run "$1" "$calls" 2>&1 </dev/null |
    awk -v calls="$calls" '/Collected/ { printf "%.0f", $NF / calls }'
}

# Each case is compared with the bare service, driven in the same way, or with the bare loop.
bare_of() {
  case $1 in
  *", pending once") echo "bare, pending once" ;;
  *", cloned per call") echo "bare, cloned per call" ;;
  "choice, "*) echo "bare, choice" ;;
  *) echo "bare" ;;
  esac
}

recorded_for=
[ -f recorded.tsv ] && recorded_for=$(sed -n 's/^# //p' recorded.tsv | head -n 1)
fresh=$(mktemp)
trap 'rm -f "$fresh"' EXIT
echo "# $compiler" >"$fresh"

declare -A bare
failed=0
printf '%-34s %8s %9s %8s\n' "case" "added" "recorded" "change"
while read -r case; do
  counted=$(count "$case")
  if [[ $case == bare* ]]; then
    bare[$case]=$counted
    continue
  fi
  added=$((counted - ${bare[$(bare_of "$case")]}))
  printf '%s\t%s\n' "$case" "$added" >>"$fresh"
  recorded=
  [ -f recorded.tsv ] && recorded=$(awk -F'\t' -v case="$case" '$1 == case { print $2 }' recorded.tsv)
  if [ -z "$recorded" ]; then
    printf '%-34s %8d %9s\n' "$case" "$added" "none"
    continue
  fi
  printf '%-34s %8d %9d %+7.1f%%\n' "$case" "$added" "$recorded" \
    "$(awk -v a="$added" -v r="$recorded" 'BEGIN { print (a - r) * 100 / r }')"
  # 20 instructions are no change: they are how the code happens to lie.
  if [ $((added * 100)) -gt $((recorded * 105)) ] && [ $((added - recorded)) -gt 20 ]; then
    echo "  ^ costs over 5 % more than recorded"
    failed=1
  fi
done < <("$program" list)

if [ "${1:-}" = --record ]; then
  cp "$fresh" recorded.tsv
  exit 0
fi
if [ "$failed" = 1 ] && [ "$compiler" != "$recorded_for" ]; then
  echo "recorded with $recorded_for, counted with $compiler: not held against it"
  exit 0
fi
exit "$failed"
