"""check.thread_tags: a header says on which thread its functions may be called.

In the host a header that declares a class or a free function mentions a thread tag or says `Concurrency:`. In the
plugin API, where a mistake crosses a binary boundary, every function pointer has a tag in the comment right above it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree import Finding, Source, Tree, without_comments_and_texts

TAG = re.compile(r"\[(?:io|cpu|journal|state|work|any|instance)\b[^\]]*\]")
CONCURRENCY = re.compile(r"\bConcurrency:|\bPure functions?\b")
CLASS = re.compile(r"^\s*class\s+(?:\[\[\w+\]\]\s*)?\w+[^;]*$", re.M)
NO_FUNCTION = r"#|using|typedef|friend|return|namespace|template"
FUNCTION = re.compile(rf"^(?!{NO_FUNCTION})[\w:<>,&*\[\] ]+\b\w+\([^;{{]*\)[^;{{]*;", re.M)
POINTER = re.compile(r"\(\s*(?:SYNCLINE_CALL\s*)?\*\s*(\w+)\s*\)\s*\(")


def check_host_header(source: Source) -> Iterator[Finding]:
    code = without_comments_and_texts(source.text)
    if not CLASS.search(code) and not FUNCTION.search(code):
        return
    comments = "\n".join(line[line.index("//") :] for line in source.lines if "//" in line)
    if not TAG.search(comments) and not CONCURRENCY.search(comments):
        yield Finding(source.path, 0, "no thread tag ([io] [cpu] [journal] [state] [work] [any]) and no `Concurrency:`")


def check_function_pointers(source: Source) -> Iterator[Finding]:
    code = without_comments_and_texts(source.text).split("\n")
    for number, line in enumerate(code, 1):
        match = POINTER.search(line)
        if match is None or line.lstrip().startswith("#"):
            continue
        i = number - 1
        # Up to the beginning of a declaration of several lines, then through the comment above it.
        while i > 0 and code[i - 1].strip() and not code[i - 1].rstrip().endswith((";", "{", "}")):
            i -= 1
        comment: list[str] = [part for part in source.lines[i:number] if "//" in part]
        while i > 0 and source.lines[i - 1].strip().startswith("//"):
            i -= 1
            comment.append(source.lines[i])
        if not TAG.search("\n".join(comment)):
            what = f"the function pointer {match[1]} has no thread tag in the comment above it"
            yield Finding(source.path, number, what)


def findings(tree: Tree) -> Iterator[Finding]:
    for source in tree.sources("host"):
        if source.path.endswith(".hpp"):
            yield from check_host_header(source)
    for source in tree.sources("plugin-api"):
        if source.path.endswith(".h"):
            yield from check_function_pointers(source)
