#!/usr/bin/python3
"""A connector exports exactly `syncline_plugin_v1`, defines no unique symbol, and has no text relocations.

Usage: check_exports.py FILE.so ...
"""
import subprocess
import sys


def defined_symbols(path):
    """Yields (type letter, name) of the dynamic symbols that the file defines."""
    listing = subprocess.run(["nm", "-D", "--defined-only", path], check=True, capture_output=True, text=True)
    for line in listing.stdout.splitlines():
        _, kind, name = line.split()
        yield kind, name.split("@")[0]


def main():
    failed = False
    for path in sys.argv[1:]:
        symbols = list(defined_symbols(path))
        dynamic = subprocess.run(["readelf", "-dW", path], check=True, capture_output=True, text=True).stdout
        if [name for _, name in symbols] != ["syncline_plugin_v1"]:
            print(f"{path}: exports {[name for _, name in symbols]}")
            failed = True
        if any(kind == "u" for kind, _ in symbols):
            print(f"{path}: defines a unique symbol, which keeps it mapped")
            failed = True
        if "TEXTREL" in dynamic or "BIND_NOW" not in dynamic and "NOW" not in dynamic:
            print(f"{path}: relocates its text, or is bound lazily")
            failed = True
    return 1 if failed or len(sys.argv) < 2 else 0


if __name__ == "__main__":
    sys.exit(main())
