"""check.format: white space and line length, the part of the style that needs no tool."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tree import CPP, Finding, Source, Tree

COLUMNS = {**dict.fromkeys(CPP, 100), ".md": 120, ".py": 120, ".cmake": 120}
OTHERS = {".yaml", ".yml", ".json", ".sh", ".map", ".txt", ".in"}
# Inputs of tests are what they have to be.
EXCEPT = ("tests/data/", "tests/fuzz/corpus/")


def is_checked(source: Source) -> bool:
    suffix = Path(source.path).suffix
    is_script = not suffix and source.content.startswith(b"#!")
    return (suffix in COLUMNS or suffix in OTHERS or is_script) and not source.path.startswith(EXCEPT)


def is_too_long(source: Source, line: str) -> bool:
    limit = COLUMNS.get(Path(source.path).suffix)
    if limit is None or len(line) <= limit:
        return False
    # Neither a table nor an address can be broken.
    return not (source.path.endswith(".md") and (line.lstrip().startswith("|") or "://" in line))


def check(source: Source) -> Iterator[Finding]:
    try:
        source.content.decode("utf-8")
    except UnicodeDecodeError:
        yield Finding(source.path, 0, "not UTF-8")
        return
    if source.content and not source.text.endswith("\n"):
        yield Finding(source.path, 0, "no line break at the end")
    if source.text.endswith("\n\n"):
        yield Finding(source.path, 0, "empty lines at the end")
    for number, line in enumerate(source.lines, 1):
        if "\r" in line:
            yield Finding(source.path, number, "a carriage return")
        if line.rstrip() != line.rstrip("\r"):
            yield Finding(source.path, number, "blanks at the end")
        if "\t" in line and source.is_cpp:
            yield Finding(source.path, number, "a tab")
        if is_too_long(source, line):
            yield Finding(source.path, number, f"{len(line)} columns")


def findings(tree: Tree) -> Iterator[Finding]:
    for source in tree.sources():
        if is_checked(source):
            yield from check(source)
