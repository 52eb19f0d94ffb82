"""check.constant_time: what is secret is compared in constant time.

A comparison that stops at the first difference tells how much of a guess was right. So neither `==`, `!=`, `<=>`,
memcmp() and their like, nor std::equal() and its like and the comparing and searching members of texts take what
core::Secret reveals, directly or by a name within the same function, what hmac() returns, or a name that says that it
holds a secret or what is computed with one: use core::equal_constant_time(), or Secret::equals(). What only looks so
(an enumeration, a size, a pointer, a literal) is recognised; what else is harmless says why with `constant-time:` in a
comment of the same line or the line above. It reads names, not types: a secret that a function is given as `x` is not
found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree import Finding, Source, Tree, without_comments_and_texts

FOLDERS = ("host", "plugins", "plugin-api")
SECRET_WORDS = r"secrets?|passwords?|passphrases?|hmac|mac|digest|signature|credentials?|api_key|expected_tag|claimed"
NAME = re.compile(rf"(?:^|_)(?:{SECRET_WORDS})_?$")
REVEALED = re.compile(r"\breveal\(\)(?!\s*\.\s*(?:size|empty|length)\b)|\bhmac\(")
# A name that stands for what is revealed, until the function ends.
ALIAS = re.compile(r"\b(\w+)(?:\s*=\s*|[{(])(?:std::string(?:_view)?\s*[{(]\s*)?[\w.>-]*\breveal\(\)"
                   r"(?:[;)}]|\s*$|\.substr)")
NESTED = r"(?:[^(){};]|\([^(){};]*\))*"
CALLED = rf"(?:\({NESTED}\)|\{{{NESTED}\}})"
# A chain such as `rule.key.value`, whose last name says what is compared, or what calls return.
OPERAND = rf"[\w:]+{CALLED}?(?:(?:\.|->)\w+{CALLED}?|\[\w*\])*"
EQUALITY = re.compile(rf"({OPERAND})?\s*(?:(?<![<>=!])(?:==|!=)(?!=)|<=>|\bnot_eq\b)\s*(\*?{OPERAND})?")
FUNCTIONS = (r"w?memcmp|wcscmp|strcmp|strncmp|strcasecmp|strncasecmp|bcmp|equal|mismatch|search|"
             r"lexicographical_compare|ranges::(?:equal|mismatch|search|lexicographical_compare)|equal_to<\w*>\{\}")
MEMBERS = "compare|starts_with|ends_with|r?find"
CALL = re.compile(rf"(?:\b(?:std::)?({FUNCTIONS})|([\w:]+(?:\(\))?(?:(?:\.|->)\w+(?:\(\))?|\[\w*\])*?)\."
                  rf"({MEMBERS}))\s*\(([^;{{]*)")
ARGUMENT = re.compile(r"\s*[&*]?([\w:]+(?:\(\))?(?:(?:\.|->)\w+(?:\(\))?|\[\w*\])*)")
ITERATOR = re.compile(r"\.c?(?:begin|end|data)\(\)$")
SIZE = re.compile(rf"\bsizeof\b\s*\(?\s*{OPERAND}")
PLAIN = re.compile(r"^(?:nullptr|true|false|\d\w*|npos|k[A-Z]\w*|.*::k[A-Z]\w*|.*::npos|\w*handle_?)$")
LITERAL = re.compile(r"\s*(?:[\"']|\d|k[A-Z])")
EXCUSE = "constant-time:"


def last_name(operand: str) -> str:
    return re.split(r"\.|->|::", re.sub(r"\(.*?\)|\[\w*\]|\*", "", operand))[-1]


def compares_secret(line: str, aliases: frozenset[str] = frozenset()) -> bool:
    def is_secret(operand: str) -> bool:
        return bool(REVEALED.search(operand) or NAME.search(last_name(operand)) or operand in aliases)

    line = SIZE.sub("0", line)
    for match in EQUALITY.finditer(line):
        left, right = match[1] or "", match[2] or ""
        if PLAIN.match(left) or PLAIN.match(right):
            continue
        if is_secret(left) or is_secret(right):
            return True
    for match in CALL.finditer(line):
        if match[2] and LITERAL.match(match[4]):
            continue  # what begins in a known way may be asked of anything
        arguments = [ARGUMENT.match(argument) for argument in (match[4] or "").split(",")]
        operands = [ITERATOR.sub("", argument[1]) for argument in arguments if argument]
        if any(is_secret(operand) for operand in operands):
            return True
        # A map of secrets is searched by name.
        if match[2] and is_secret(match[2]) and (REVEALED.search(match[2]) or "find" not in match[3]):
            return True
    return False


def check(source: Source) -> Iterator[Finding]:
    lines = source.lines
    aliases: set[str] = set()
    for number, line in enumerate(without_comments_and_texts(source.text).split("\n"), 1):
        excused = EXCUSE in lines[number - 1] or (number > 1 and EXCUSE in lines[number - 2])
        if line.startswith("}"):
            aliases.clear()
        aliases.update(match[1] for match in ALIAS.finditer(line))
        if not excused and not line.lstrip().startswith("#") and compares_secret(line, frozenset(aliases)):
            yield Finding(source.path, number, "a secret is not compared by core::equal_constant_time()")


def findings(tree: Tree) -> Iterator[Finding]:
    for source in tree.sources(*FOLDERS):
        if source.is_cpp:
            yield from check(source)
