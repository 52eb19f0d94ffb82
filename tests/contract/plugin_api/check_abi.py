#!/usr/bin/python3
"""The types of the C interface as libabigail sees them, beside the recorded ones (plugin-api/abi/1.abi).

Usage: check_abi.py INCLUDE RECORD               compares
       check_abi.py INCLUDE RECORD --write       records them anew
       check_abi.py INCLUDE RECORD --self-test   shows that what breaks old binaries is found, as check_layout.py does

It sees what offsets and sizes do not show: that a function takes or returns something else. Every difference has to be
recorded; whether it may be made at all is what check_layout.py says.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import check_layout

# What offsets and sizes do not show.
OTHER_SIGNATURE = (
    "a function that takes another argument",
    "idmap.h",
    lambda text: text.replace("const syncline_str* values, uint32_t value_count,", "const syncline_str* values,", 1),
    "syncline_plugin_idmap",
)
OTHER_RESULT = (
    "a function that returns something else",
    "host.h",
    lambda text: text.replace(
        "syncline_status(SYNCLINE_CALL *post)", "int64_t(SYNCLINE_CALL *post)", 1
    ),
    "syncline_host",
)


def build(include: Path, folder: Path) -> Path:
    """A library with one object of every struct of the interface, and its debug information."""
    source, library = folder / "interface.c", folder / "interface.so"
    lines = [f'#include "syncline/{header.name}"' for header in check_layout.headers_of(include)]
    lines += [f"{name} one_{name};" for name in check_layout.read_headers(include)]
    source.write_text("\n".join(lines) + "\n", encoding="utf-8")
    command = ["gcc", "-std=c11", "-g", "-fno-eliminate-unused-debug-types", "-shared", "-fPIC", f"-I{include}"]
    subprocess.run([*command, str(source), "-o", str(library)], check=True)
    return library


def write(include: Path, record: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        library = build(include, Path(folder))
        options = ["--no-corpus-path", "--no-comp-dir-path", "--no-show-locs", "--no-elf-needed"]
        options += ["--type-id-style", "hash"]
        subprocess.run(["abidw", *options, "--out-file", str(record), str(library)], check=True)
        # Where the source stood is nobody's business, and differs with every run.
        text = re.sub(r" path='[^']*'", "", record.read_text(encoding="utf-8"))
        record.write_text(text, encoding="utf-8")


def compare(include: Path, record: Path) -> str:
    """What differs, in abidiff's words; empty when nothing does."""
    with tempfile.TemporaryDirectory() as folder:
        library = build(include, Path(folder))
        command = ["abidiff", "--no-show-locs", str(record), str(library)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode & 3:
        raise RuntimeError(f"abidiff failed: {ended.stderr}")
    return ended.stdout if ended.returncode & 12 else ""


def self_test(include: Path, record: Path) -> int:
    layout = check_layout.parse((record.parent / "1.layout").read_text(encoding="utf-8"))
    failed = 0
    for mutation in [*check_layout.MUTATIONS, OTHER_SIGNATURE, OTHER_RESULT]:
        what, changed_header, change, expected = mutation
        struct = re.split(r"[. ]", expected)[0]
        with check_layout.changed_copy(include, what, changed_header, change) as copy:
            told = compare(copy, record)
            breaks = check_layout.breaks(layout, check_layout.measure(copy, "gcc"))
        is_found = told != "" and (struct in told or not struct.startswith("syncline_"))
        must_agree = mutation in check_layout.MUTATIONS
        agrees = any(expected in each for each in breaks) or not must_agree
        print(f"{'found' if is_found and agrees else 'NOT FOUND'}: {what}")
        failed += not (is_found and agrees)
    return 1 if failed else 0


def main() -> int:
    include, record, *words = sys.argv[1:]
    actions: dict[tuple[str, ...], Callable[[Path, Path], int | None]] = {
        ("--write",): write,
        ("--self-test",): self_test,
    }
    if tuple(words) in actions:
        return actions[tuple(words)](Path(include), Path(record)) or 0
    told = compare(Path(include), Path(record))
    print(told or "the types are as recorded")
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main())
