#!/usr/bin/python3
"""Every function pointer of the C interface says what it does, what lives how long, where it is called, and since when.

Usage: check_abi_comments.py DIRECTORY | --self-test
"""
import pathlib
import re
import sys

POINTER = re.compile(r"\(SYNCLINE_CALL\s*\*\s*(\w+)\)")
ANY_POINTER = re.compile(r"\(\s*\*\s*(\w+)\)\s*\(")
THREAD = re.compile(r"Thread: \[(instance|any)\]\. Since: [1-9]\d*\.\d+$")


def problems_of(text):
    """Yields (line number, sentence)."""
    lines = text.split("\n")
    for index, line in enumerate(lines):
        for name in ANY_POINTER.findall(line):
            yield index + 1, f"{name}: a function pointer without SYNCLINE_CALL"
        found = POINTER.search(line)
        if not found:
            continue
        comment = []
        above = index - 1
        while above >= 0 and lines[above].strip().startswith("//"):
            comment.insert(0, lines[above].strip()[2:].strip())
            above -= 1
        name = found.group(1)
        if not comment or comment[0].startswith(("Lifetime:", "Thread:")):
            yield index + 1, f"{name}: no sentence says what it does"
        if not any(re.match(r"Lifetime: \S.*", text) for text in comment):
            yield index + 1, f"{name}: no sentence 'Lifetime: ...'"
        if not comment or not THREAD.search(comment[-1]):
            yield index + 1, f"{name}: the last line must be 'Thread: [instance].' or '[any].', then 'Since: 1.0'"


def self_test():
    good = "// Does it.\n// Lifetime: none.\n// Thread: [any]. Since: 1.0\nvoid(SYNCLINE_CALL *f)(void);\n"
    bad = [
        "void(SYNCLINE_CALL *f)(void);\n",
        good.replace("// Does it.\n", ""),
        good.replace("// Lifetime: none.\n", ""),
        good.replace("[any]", "[main]"),
        good.replace(" Since: 1.0", ""),
        good.replace("SYNCLINE_CALL *f", "*f"),
    ]
    assert not list(problems_of(good))
    assert list(problems_of("void(SYNCLINE_CALL* f)(void);\n"))
    for text in bad:
        assert list(problems_of(text)), text


def main():
    if sys.argv[1] == "--self-test":
        self_test()
        return 0
    headers = sorted(pathlib.Path(sys.argv[1]).glob("*.h"))
    failed = False
    pointers = 0
    for header in headers:
        text = header.read_text(encoding="utf-8")
        pointers += len(POINTER.findall(text))
        for line, sentence in problems_of(text):
            print(f"{header}:{line}: {sentence}")
            failed = True
    if pointers == 0:
        print(f"{sys.argv[1]}: no function pointer found")
    return 1 if failed or pointers == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
