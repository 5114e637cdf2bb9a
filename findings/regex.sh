#!/usr/bin/env bash
# RE2 (PyPI google-re2 1.1.20251105) asked for Latin-1, as Envoy 1.40 asks it.
# Guessed: Latin-1 is a smaller Unicode, so that (?i) folds É and é (both below U+0100), that \x{100} is a
# character which matches nothing, and that a group's name may not come twice, as in Go's regexp.
# Seen:
#   (?i)\xe9 on c9: False       classes know the letter (\p{Ll} on e9: True), folding is ASCII only
#   \x{100} in Latin-1: refused  in UTF-8: taken
#   (?P<n>a)(?P<n>b): taken
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install google-re2==1.1.20251105
"$work/venv/bin/python" - <<'PY'
import re2

def compiled(pattern, encoding):
    options = re2.Options()
    options.encoding = encoding
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error:
        return None

latin1, utf8 = re2.Options.Encoding.LATIN1, re2.Options.Encoding.UTF8
folded = compiled(rb"(?i)\xe9", latin1).fullmatch(b"\xc9") is not None
letter = compiled(rb"\p{Ll}", latin1).fullmatch(b"\xe9") is not None
wide = [compiled(rb"\x{100}", encoding) is not None for encoding in (latin1, utf8)]
twice = compiled(rb"(?P<n>a)(?P<n>b)", latin1) is not None
print("folded", folded, "letter", letter, "wide", wide, "twice", twice)
assert (folded, letter, wide, twice) == (False, True, [False, True], True)
PY
