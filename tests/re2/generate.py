"""Writes patterns and texts with RE2's answers, as JSON: one row for each pattern.

A text is written as one character for each byte. A row has `error`, or `texts`: the text, whether the pattern covers
it, and where its groups are in the first match.
"""
import json
import random
import sys

import re2

options = re2.Options()
options.encoding = re2.Options.Encoding.LATIN1
options.log_errors = False

ATOMS = r"""a b c d A B Z 0 7 _ - / . ^ $ \b \B \A \z \C \d \D \w \W \s \S \n \t \. \/ \- \_ \x41 \x{61} \x{ff} \x{100}
\x \101 \07 \0 \1 \8 \pL \PL \pN \p{Lu} \p{Ll} \P{Greek} \p{Greek} \p{Latin} \p{^Latin} \p{Foo} \e \Z \Qa*b\E \Q\E \Q.|
[abc] [^abc] [a-c] [^a-c] [] []a] [^]a] [a-] [-a] [a-c-e] [c-a] [a&&b] [a~~b] [a--b] [a[b] [[b]] [\d] [^\w] [\s-]
[a-\d] [\x41-\x5a] [[:alpha:]] [[:^alpha:]] [[:word:]-] [[:foo:]] [[:alpha:] [^\n] [\pL] [^\p{Lu}] [\Q] [\]] [é]
[\-\]] [.] [*+] [$^] [\b] [a-zA-Z0-9_.%+-] é ß k K s S ſ , : ; = & ~ # < > @ ! { } ] a{ a{, {a} {1 x{,2}""".split()
GROUPS = "( ( ( (?: (?i: (?s: (?m: (?U: (?-i: (?i-s: (?P<n> (?<m> (?x: (?= (?! (?> (?P<1> (?P<a-b> (?i) (?s) (?m) (?U) (?-i) (?) (?-)".split()
REPEATS = "* + ? *? +? ?? {2} {0} {1,2} {0,2}? {2,} {,2} {2,1} {1001} {1000} {01} ** *+ {2}{2} ??? {2}? {a} { {}".split()
WEIGHTS = [8, 8, 8, 3, 3, 3] + [1] * (len(REPEATS) - 6)
ALPHABET = ["a", "b", "c", "d", "A", "B", "Z", "k", "K", "s", "0", "7", "_", "-", "/", ".", "\n", "\t", " ", "é", "ß", "É",
            "\u017f", "]", "[", "&", "~", "{", "}", "*", ",", "1", "2", "(", "a&&b", "aab", "abc"]


def plain(random):
    atom = random.choice(ATOMS[:30] if random.random() < 0.7 else ATOMS)
    if random.random() < 0.35:
        atom += random.choices(REPEATS, WEIGHTS)[0]
    return atom


def pattern(random, depth=0):
    parts = []
    for _ in range(random.randint(0 if depth else 1, 4)):
        roll = random.random()
        if roll < 0.2 and depth < 4:
            opening = random.choice(GROUPS)
            if opening.endswith(")"):
                part = opening
            else:
                part = opening + pattern(random, depth + 1) + ")"
            if random.random() < 0.3:
                part += random.choices(REPEATS, WEIGHTS)[0]
        elif roll < 0.3:
            part = "|"
        else:
            part = plain(random)
        parts.append(part)
    text = "".join(parts)
    # Something may be missing or too many, as where one writes by hand.
    if depth == 0 and random.random() < 0.05:
        at = random.randint(0, len(text))
        text = text[:at] + random.choice(["(", ")", "[", "]", "\\", "*", "{", "|"]) + text[at:]
    if depth == 0 and random.random() < 0.03:
        at = random.randint(0, len(text))
        text = text[:at] + text[at + 1 :]
    return text


def texts(random, pattern):
    yield b""
    for _ in range(7):
        length = random.choice([1, 1, 2, 2, 3, 4, 6])
        yield "".join(random.choice(ALPHABET) for _ in range(length)).encode()
    # What stands in the pattern has a chance to match it.
    literal = [c for c in pattern if c.isalnum() or c in "-/_ .&~é"]
    for _ in range(4):
        if literal:
            start = random.randint(0, len(literal) - 1)
            yield "".join(literal[start : start + random.randint(1, 6)]).encode()
    yield bytes(random.randint(0, 255) for _ in range(random.randint(1, 3)))



def answer(pattern, texts):
    try:
        compiled = re2.compile(pattern.encode(), options)
    except re2.error as error:
        return {"pattern": pattern, "error": error.args[0].decode("latin-1")}
    rows = []
    for text in sorted(set(texts)):
        found = compiled.search(text)
        places = found and [list(s) if s != (-1, -1) else None for s in map(found.span, range(compiled.groups + 1))]
        rows.append([text.decode("latin-1"), compiled.fullmatch(text) is not None, places])
    return {"pattern": pattern, "texts": rows}


def by_chance(count, seed):
    chance = random.Random(seed)
    seen = set()
    while len(seen) < count:
        one = pattern(chance)
        if one not in seen and len(one) < 200:
            seen.add(one)
            yield answer(one, texts(chance, one))


# Patterns that people write, and each odd corner of the grammar.
CHOSEN = r"""/amp/[a&&b]+ /tilde/[a~~b]+ /nest/[a[b]] \w+ \d+ a$|b ^(.*?;)?(user=jason)(;.*)?$ .* .+ /api/v[0-9]+/.*
^/(en|de)(/.*)?$ (?i)mozilla.* Bearer\s+.+ ^[^@]+@[a-z]+\.test$ caf. caf.. (?i)café [[:alnum:]-]{1,63} a{,3} a{3} a{2,} a{1001}
a{1000} (a{500}){2} (a{500}){3} ((a{10}){10}){10} ((a{10}){10}){11} a** a*?? a*+ {2} {,2} a{00002} a{01} (?x)a (?i) a(?i)* (?i)*
\Qa.b\E* \Q\E* a\Q\E* a*\Q\E* \Q*\E [a--b] [a-] [-a] []a] [^]a] [ [] [^] [a- [z-a] [a-\d] [\d-z] [[:foo:]] [[:alpha]] [[=a=]]
\p{Greek} \p{greek} \pLu \p \p{ [\p] (?i)\p{Lu} (?i)\P{Lu} \x{ff} \x{100} \x \xg \x{} \x{ \07 \07f \377 \400 \1 (a)\1 \8 \e \Z \z \_ \- \é
( ) a)(b () (|) | (?: (?:) (? (?i (?-)a (?i-)a (?-i-s)a (?)a (?U)a* (?m)^a$ (?s). (?s-s). (?=a) (?!a) (?<=a) (?>a) (?#a) (?|a) (?P<n>a)
(?P<n>a)(?P<n>b) (?P<>a) (?P<a-b>a) (?P<1>a) (?P<n (?<n>a) (?<n (?P=n) (?'n'a) (?P<é>a) \ [\ [\] a\ a||b ^* $* \b* \b+ (a|b(?i)c|d)
a(?:)* (a*)+ (?:a|ab)(?:c|bcd)(?:d*) (a|ab)(c|bcd)(d*)""".split()


def main():
    if sys.argv[1] == "--kept":
        chance = random.Random(1)
        rows = [answer(one, texts(chance, one)) for one in dict.fromkeys(CHOSEN)]
        rows += by_chance(400, 2)
        path = sys.argv[2]
    else:
        path, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
        print(f"{count} patterns, seed {seed}")
        rows = list(by_chance(count, seed))
    with open(path, "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "\n]\n")
    print(sum("error" in row for row in rows), "of", len(rows), "refused by RE2")


if __name__ == "__main__":
    main()
