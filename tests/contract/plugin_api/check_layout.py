#!/usr/bin/python3
"""The layout of the C interface, as compilers see it, beside the recorded one (plugin-api/abi/1.layout).

Usage: check_layout.py INCLUDE RECORD COMPILER...   checks with each compiler
       check_layout.py INCLUDE RECORD --write       records it anew, with gcc
       check_layout.py INCLUDE RECORD --self-test   shows that what breaks old binaries is found

What breaks old binaries: a field or slot that is gone, renamed, moved or of another size; a struct without
`struct_size` that grows; one that grows elsewhere than at its end. What is new at the end of a struct with
`struct_size`, and a new struct, only has to be recorded.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

STRUCT = re.compile(r"typedef struct (syncline_\w+) \{(.*?)\n\} \1;", re.S)
SLOT = re.compile(r"\(SYNCLINE_CALL \*(\w+)\)\(|\(SYNCLINE_CALL\* ?(\w+)\)\(")
FIELD = re.compile(r"(\w+)(?:\[\w+\])?$")

# By struct: its fields in their order, with offset and size; "" is the whole.
Layout = dict[str, dict[str, tuple[int, int]]]


def fields_of(body: str) -> list[str]:
    body = re.sub(r"//[^\n]*|/\*.*?\*/", "", body, flags=re.S)
    names = []
    for declaration in body.split(";"):
        declaration = " ".join(declaration.split())
        if not declaration:
            continue
        slot = SLOT.search(declaration)
        field = FIELD.search(declaration)
        assert slot or field, declaration
        names.append((slot[1] or slot[2]) if slot else field[1])  # type: ignore[index]
    return names


def headers_of(include: Path) -> list[Path]:
    return sorted((include / "syncline").glob("*.h"))


def read_headers(include: Path) -> dict[str, list[str]]:
    structs = {}
    for header in headers_of(include):
        for name, body in STRUCT.findall(header.read_text(encoding="utf-8")):
            structs[name] = fields_of(body)
    return structs


def measure(include: Path, compiler: str) -> Layout:
    structs = read_headers(include)
    lines = ["#include <stdio.h>", *(f'#include "syncline/{header.name}"' for header in headers_of(include))]
    lines.append("int main(void) {")
    for name, fields in structs.items():
        lines.append(f'printf("{name} - 0 %zu\\n", sizeof({name}));')
        for field in fields:
            size = f"sizeof((({name}*)0)->{field})"
            lines.append(f'printf("{name} {field} %zu %zu\\n", offsetof({name}, {field}), {size});')
    lines.append("return 0; }")
    with tempfile.TemporaryDirectory() as folder:
        source, program = Path(folder) / "layout.c", Path(folder) / "layout"
        source.write_text("\n".join(lines), encoding="utf-8")
        command = [compiler, "-std=c11", f"-I{include}", str(source), "-o", str(program)]
        subprocess.run(command, check=True)
        printed = subprocess.run([str(program)], check=True, capture_output=True, text=True).stdout
    return parse(printed)


def parse(text: str) -> Layout:
    layout: Layout = {}
    for line in text.splitlines():
        if line.startswith("#") or not line:
            continue
        struct, field, offset, size = line.split()
        layout.setdefault(struct, {})["" if field == "-" else field] = (int(offset), int(size))
    return layout


def text_of(layout: Layout) -> str:
    return "# struct field offset bytes; '-' is the whole. Made and checked by check_layout.py.\n" + "".join(
        f"{struct} {field or '-'} {offset} {size}\n"
        for struct, fields in layout.items()
        for field, (offset, size) in fields.items()
    )


def differences(recorded: Layout, found: Layout) -> list[str]:
    told = []
    for struct, fields in recorded.items():
        if struct not in found:
            told.append(f"{struct} is gone")
            continue
        now = found[struct]
        for field, place in fields.items():
            if field and field not in now:
                told.append(f"{struct}.{field} is gone")
            elif field and now[field] != place:
                told.append(f"{struct}.{field} was at {place}, is at {now[field]} (offset, bytes)")
        end = fields[""][1]
        if now[""][1] != end and "struct_size" not in fields:
            told.append(f"{struct} has no struct_size and grew from {end} to {now[''][1]} bytes")
        for field, (offset, _) in now.items():
            if field and field not in fields:
                told.append(f"{struct}.{field} is new{' in the middle' if offset < end else ': record it'}")
    told += [f"{struct} is new: record it" for struct in found if struct not in recorded]
    return told


def breaks(recorded: Layout, found: Layout) -> list[str]:
    return [each for each in differences(recorded, found) if not each.endswith("record it")]


def swap_fields(text: str) -> str:
    text = text.replace("syncline_str method;", "syncline_str first;", 1)
    text = text.replace("syncline_str path;", "syncline_str method;", 1)
    return text.replace("syncline_str first;", "syncline_str path;", 1)


MUTATIONS = [
    ("a changed order of fields", "webhook.h", swap_fields, "syncline_webhook_request.method was at"),
    (
        "a frozen struct that grew",
        "types.h",
        lambda text: text.replace("} syncline_pair;", "    uint64_t more;\n} syncline_pair;", 1),
        "syncline_pair has no struct_size and grew",
    ),
    (
        "a slot that is gone",
        "http.h",
        lambda text: re.sub(r"void\(SYNCLINE_CALL\* cancel\)\([^;]*;", "", text),
        "syncline_host_http.cancel is gone",
    ),
    (
        "a field in the middle",
        "read.h",
        lambda text: text.replace("    uint32_t struct_size;\n", "    uint32_t struct_size;\n    uint64_t more;\n", 1),
        "is new in the middle",
    ),
]


@contextlib.contextmanager
def changed_copy(include: Path, what: str, header: str, change: Callable[[str], str]) -> Iterator[Path]:
    """A copy of the headers in which one is changed, without the assertions of their own that would be first."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "include"
        shutil.copytree(include, copy)
        for each in (copy / "syncline").glob("*.h"):
            text = each.read_text(encoding="utf-8")
            changed = change(text) if each.name == header else text
            assert each.name != header or changed != text, what
            each.write_text(re.sub(r"SYNCLINE_ASSERT_SIZE\(syncline_\w+, \d+\);", "", changed), encoding="utf-8")
        yield copy


def self_test(include: Path, recorded: Layout) -> int:
    failed = 0
    for what, header, change, expected in MUTATIONS:
        with changed_copy(include, what, header, change) as copy:
            found = breaks(recorded, measure(copy, "gcc"))
        is_found = any(expected in each for each in found)
        print(f"{'found' if is_found else 'NOT FOUND'}: {what}: {found[:2]}")
        failed += not is_found
    return 1 if failed else 0


def main() -> int:
    include, record, *words = sys.argv[1:]
    if words == ["--write"]:
        Path(record).write_text(text_of(measure(Path(include), "gcc")), encoding="utf-8")
        return 0
    recorded = parse(Path(record).read_text(encoding="utf-8"))
    if words == ["--self-test"]:
        return self_test(Path(include), recorded)
    told = []
    for compiler in words:
        told += [f"{compiler}: {each}" for each in differences(recorded, measure(Path(include), compiler))]
    print("\n".join(told) or f"{len(recorded)} structs are as recorded")
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main())
