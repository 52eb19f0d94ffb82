#!/usr/bin/python3
"""Builds connectors with an SDK and keeps the binaries, so that every later hub is tested with them.

Usage: make_fixtures.py PREFIX FOLDER    PREFIX: where the SDK is installed (component plugin_api)

FOLDER gets the libraries and `manifest.json`: the SDK's version, its ABI, and the SHA-256 of each file. It must not be
there yet: what was released once is never built again. From the first release on, each has its folder in
tests/contract/released/fixtures, and is committed.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[3]


def versions(prefix: Path) -> dict[str, str]:
    text = (prefix / "include" / "syncline" / "version.h").read_text(encoding="utf-8")
    number = dict(re.findall(r"^#define SYNCLINE_(\w+) (\d+)$", text, re.M))
    return {
        "sdk": ".".join(number[f"API_VERSION_{part}"] for part in ("MAJOR", "MINOR", "PATCH")),
        "abi": f"{number['ABI_MAJOR']}.{number['ABI_MINOR']} draft {number['ABI_DRAFT']}",
    }


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def make(prefix: Path, folder: Path) -> None:
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        project = Path(__file__).resolve().parent / "connectors"
        words = [f"-DCMAKE_PREFIX_PATH={prefix}", f"-DSOURCES={SOURCES}", "-DCMAKE_BUILD_TYPE=Release"]
        subprocess.run(["cmake", "-S", str(project), "-B", scratch, *words], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["cmake", "--build", scratch], check=True, stdout=subprocess.DEVNULL)
        for library in sorted(Path(scratch).glob("*.so")):
            subprocess.run(["strip", "--strip-unneeded", str(library)], check=True)
            shutil.copyfile(library, folder / library.name)
    files = {each.name: sha256(each) for each in sorted(folder.glob("*.so"))}
    manifest = versions(prefix) | {"files": files}
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    make(Path(sys.argv[1]).resolve(), Path(sys.argv[2]))
