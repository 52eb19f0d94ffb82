#!/usr/bin/python3
"""The reference of plugin-api is made of its headers and documents without a warning, and has what one looks up.

Usage: check_reference.py PLUGIN_API FOLDER    makes it in FOLDER/html
       check_reference.py --filter FILE        what doxygen reads instead of a header
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

# What somebody looks up first, and words that its page must have.
WANTED = {
    "structsyncline__plugin__write.html": ["Begins to write a batch and returns without waiting", "[instance]"],
    "structsyncline__host__http.html": ["Starts an exchange", "[any]"],
    "classsyncline_1_1Batch.html": ["The records of one write operation"],
    "classsyncline_1_1BatchWriter.html": ["Writes one batch"],
    "structsyncline_1_1identity_1_1Kind.html": ["kCustomerId"],
}


def filtered(text: str) -> str:
    """Comments before a declaration become `///`, those behind one `///<`; text stays text."""
    lines = text.split("\n")
    first_code = next(i for i, line in enumerate(lines) if not line.startswith("//"))
    made = ["/** @file"] + [" " + as_text(line[2:]) for line in lines[:first_code]] + ["*/"]
    for line in lines[first_code:]:
        if line.startswith("// ---"):
            made.append("")  # a heading within the file
        elif match := re.match(r"^(\s*)// ?(.*)$", line):
            made.append(f"{match[1]}/// {as_text(match[2])}")
        elif match := re.match(r"^(.*?[;,{])\s+// (.*)$", line):
            made.append(f"{match[1]}  ///< {as_text(match[2])}")
        else:
            made.append(line)
    return "\n".join(made)


def linked(text: str) -> str:
    """A page, with headings that its links find, and without links to what lies outside of the reference."""
    for anchor in re.findall(r"\]\(#([\w-]+)\)", text):
        heading = anchor.replace("-", "[ -]")
        text = re.sub(rf"(?im)^(#+ {heading})$", rf"\1 {{#{anchor}}}", text)
    return re.sub(r"\[([^]]+)\]\(\.\./(?:[^)]+)\)", r"\1", text)


def as_text(comment: str) -> str:
    """Without what doxygen would take for a command, for HTML or for a link."""
    comment = re.sub(r"([\\@<>&#%])", r"\\\1", comment)
    return comment.replace("Thread: \\[", "Thread: [")


def make(api: Path, folder: Path) -> int:
    version_lines = (api / "include/syncline/version.h").read_text(encoding="utf-8")
    version = ".".join(re.findall(r"API_VERSION_\w+ (\d+)", version_lines))
    environment = dict(os.environ)
    environment |= {"SYNCLINE_API": str(api), "SYNCLINE_API_VERSION": version, "SYNCLINE_REFERENCE": str(folder)}
    environment["SYNCLINE_FILTER"] = f"{sys.executable} -B {Path(__file__).resolve()} --filter"
    folder.mkdir(parents=True, exist_ok=True)
    command = ["doxygen", str(api / "docs" / "Doxyfile")]
    # Where it runs, it looks for pages first.
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    print(ended.stdout + ended.stderr, end="")
    missing = []
    for page, words in WANTED.items():
        file = folder / "html" / page
        text = file.read_text(encoding="utf-8") if file.is_file() else ""
        missing += [f"{page} has no words \"{each}\"" for each in words if each not in text]
    print("\n".join(missing))
    return 1 if ended.returncode != 0 or missing else 0


def main() -> int:
    if sys.argv[1] == "--filter":
        file = Path(sys.argv[2])
        text = file.read_text(encoding="utf-8")
        sys.stdout.write(filtered(text) if file.suffix in (".h", ".hpp") else linked(text))
        return 0
    return make(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())


if __name__ == "__main__":
    sys.exit(main())
