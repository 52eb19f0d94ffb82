"""check.co_await: no braces and no owning captures in a statement with co_await.

GCC 12.2 destroys such temporaries twice: a braced aggregate with an owning member, or a lambda with an owning capture,
that is created inside the awaited expression. The way out is to name the object in the line above. Structured bindings
of an awaited result lose destructors in later versions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from tree import Finding, Tree, without_comments_and_texts

TOKEN = re.compile(r"\w+|->|::|[^\s\w]")
OPENS_BLOCK = {")", "{", "}", ";", ":", "else", "do", "try", "const", "noexcept", "override", "final", "mutable", ""}
DECLARES_BLOCK = {"namespace", "class", "struct", "enum", "union", "extern", "template", "inline"}


@dataclass
class Statement:
    tokens: list[str] = field(default_factory=list)
    depth: int = 0  # of parentheses and brackets
    lambda_depths: list[int] = field(default_factory=list)  # lambdas whose body has not begun
    braces: int = 0  # of initialisers, now open
    await_line: int = 0
    reasons: list[str] = field(default_factory=list)

    @property
    def previous(self) -> str:
        return self.tokens[-1] if self.tokens else ""

    def opens_block(self) -> bool:
        if self.lambda_depths and self.lambda_depths[-1] == self.depth:
            self.lambda_depths.pop()
            return True
        if self.depth > 0 or self.braces > 0:
            return False
        is_function = "->" in self.tokens and "=" not in self.tokens and "co_await" not in self.tokens
        return self.previous in OPENS_BLOCK or self.tokens[0] in DECLARES_BLOCK or is_function

    def problems(self, path: str) -> Iterator[Finding]:
        if self.await_line:
            for reason in dict.fromkeys(self.reasons):
                what = f"{reason} in a statement with co_await: name it in the line above"
                yield Finding(path, self.await_line, what)


def owns(captures: str) -> bool:
    return any(c and not c.startswith("&") and c != "this" for c in map(str.strip, captures.split(",")))


def check(path: str, text: str) -> Iterator[Finding]:
    code = without_comments_and_texts(text)
    code = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: re.sub(r"[^\n]", " ", m[0]), code, flags=re.M)
    stack: list[Statement] = []
    now = Statement()
    for match in TOKEN.finditer(code):
        token = match[0]
        if token == "co_await":
            now.await_line = code.count("\n", 0, match.start()) + 1
        elif token == "[":
            end = code.find("]", match.start())
            if now.previous == "auto" or now.previous == "&":
                now.reasons.append("a structured binding")
            elif not re.fullmatch(r"\w+|\)|\]", now.previous) or now.previous in ("return", "co_return", "co_await"):
                now.lambda_depths.append(now.depth)
                if owns(code[match.end() : end]):
                    now.reasons.append("an owning capture")
            now.depth += 1
        elif token == "(":
            now.depth += 1
        elif token in ")]":
            now.depth -= 1
        elif token == "{":
            if now.opens_block():
                if now.depth == 0 and "=" not in now.tokens and not now.await_line:
                    now.tokens.clear()
                stack.append(now)
                now = Statement()
                continue
            now.braces += 1
            now.reasons.append("a brace")
        elif token == "}":
            if now.braces > 0:
                now.braces -= 1
            elif stack:
                yield from now.problems(path)
                outer = stack.pop()
                now = outer
                if outer.depth == 0 and not outer.lambda_depths and "=" not in outer.tokens:
                    yield from outer.problems(path)
                    now = Statement()
                    continue
        elif token == ";" and now.depth == 0 and now.braces == 0:
            yield from now.problems(path)
            now = Statement()
            continue
        now.tokens.append(token)


def findings(tree: Tree) -> Iterator[Finding]:
    for source in tree.sources():
        if source.is_cpp and "co_await" in source.text:
            yield from check(source.path, source.text)
