#!/usr/bin/python3
"""What the documents show is what the tests compile: every block of C++ or Rust stands, line by line, in one of the
examples.

Usage: check_doc_examples.py DOCUMENTS EXAMPLES...
"""
import pathlib
import re
import sys
import textwrap

BLOCK = re.compile(r"^```(?:cpp|rust)\n(.*?)^```$", re.M | re.S)


def is_within(block, text):
    """Whether the block stands there, indented as a whole by whatever amount."""
    wanted = textwrap.dedent(block).strip("\n").split("\n")
    lines = text.split("\n")
    for start in range(len(lines) - len(wanted) + 1):
        if textwrap.dedent("\n".join(lines[start : start + len(wanted)])).strip("\n").split("\n") == wanted:
            return True
    return False


def main():
    documents, *folders = (sorted(p for p in pathlib.Path(a).glob("*") if p.is_file()) for a in sys.argv[1:])
    examples = [path for folder in folders for path in folder]
    texts = [path.read_text(encoding="utf-8") for path in examples]
    assert is_within("a;\n  b;\n", "x\n  a;\n    b;\n") and not is_within("a;\nb;\n", "a;\nc;\nb;\n")
    count = 0
    failed = False
    for document in documents:
        for match in BLOCK.finditer(document.read_text(encoding="utf-8")):
            count += 1
            if not any(is_within(match[1], text) for text in texts):
                line = document.read_text(encoding="utf-8").count("\n", 0, match.start()) + 1
                print(f"{document}:{line}: this example is in no file of {', '.join(sys.argv[2:])}")
                failed = True
    return 1 if failed or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
