"""A link of a Markdown file to a file of the project, or to a heading, leads somewhere."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator

from tree import Finding, Source, Tree

FENCE = re.compile(r"^\s*(```|~~~)")
CODE = re.compile(r"`[^`]*`")
LINK = re.compile(r"\]\(<?([^)\s>]+)>?[^)]*\)")
HEADING = re.compile(r"^#{1,6}\s+(.*)$")
ELSEWHERE = re.compile(r"^[a-z][a-z0-9+.-]*:|^//")


def findings(tree: Tree) -> Iterator[Finding]:
    anchors: dict[str, set[str]] = {}
    for source in tree.sources():
        if not source.path.endswith(".md"):
            continue
        for number, line in _text_lines(source):
            for target in LINK.findall(CODE.sub("", line)):
                if not ELSEWHERE.match(target) and not _leads_somewhere(tree, source, target, anchors):
                    yield Finding(source.path, number, f"`{target}` leads nowhere")


def _text_lines(source: Source) -> Iterator[tuple[int, str]]:
    """Without blocks of code."""
    is_code = False
    for number, line in enumerate(source.lines, 1):
        if FENCE.match(line):
            is_code = not is_code
        elif not is_code:
            yield number, line


def _leads_somewhere(tree: Tree, source: Source, target: str, anchors: dict[str, set[str]]) -> bool:
    path, _, anchor = target.partition("#")
    if path.startswith("/"):
        return False
    whole = posixpath.normpath(posixpath.join(posixpath.dirname(source.path), path)) if path else source.path
    if whole.startswith("..") or not os.path.exists(tree.root / whole):
        return False
    if not anchor or not whole.endswith(".md"):
        return True
    if whole not in anchors:
        anchors[whole] = _anchors(Source(whole, (tree.root / whole).read_bytes()))
    return anchor in anchors[whole]


def _anchors(source: Source) -> set[str]:
    """What the headings are called by those who show the file."""
    found: set[str] = set()
    for _, line in _text_lines(source):
        if heading := HEADING.match(line):
            words = re.sub(r"[^\w\- ]", "", heading[1].replace("`", "").strip().lower())
            name = anchor = words.replace(" ", "-")
            count = 0
            while anchor in found:
                count += 1
                anchor = f"{name}-{count}"
            found.add(anchor)
    return found
