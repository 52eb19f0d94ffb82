#!/usr/bin/python3
"""The packages on a machine that has nothing but Debian: they install with what they name, the template builds against
them as README says, and they go without a trace. Wants root, debootstrap and a mirror (SYNCLINE_DEBIAN_MIRROR)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ["SYNCLINE_HUB"]).resolve().parent.parent
MIRROR = os.environ.get("SYNCLINE_DEBIAN_MIRROR", "http://deb.debian.org/debian")
SKIPPED = 77
LIMIT_S = 1800.0
BEGIN = "cd && syncline connectors new acme && cd acme && cmake --workflow --preset default"


def run(*command: str) -> str:
    """Of a command that has to succeed; what it printed."""
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        timeout=LIMIT_S, check=False, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
    )  # fmt: skip
    text = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{text[-6000:]}")
    return text


def main() -> int:
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        print("skipped: only root can make a system of its own, with debootstrap")
        return SKIPPED
    with tempfile.TemporaryDirectory(prefix="syncline-root.") as name:
        root = Path(name)
        root.chmod(0o755)  # it is everybody's "/"
        run("debootstrap", "--variant=minbase", "bookworm", name, MIRROR)
        packages = root / "packages"
        run(str(ROOT / "tools/package"), "--no-build", "--build", str(BUILD), "--output", str(packages))
        debs = [f"/packages/{deb.name}" for deb in sorted(packages.glob("*.deb"))]

        def inside(*command: str) -> str:
            alone = ("unshare", "--mount", "--pid", "--fork", f"--mount-proc={name}/proc")
            return run(*alone, "chroot", name, *command)

        inside("apt-get", "update", "-q")
        inside("apt-get", "install", "-q", "-y", *debs)
        print(inside("syncline", "version").strip())
        inside("useradd", "--create-home", "author")
        began = time.monotonic()
        text = inside("su", "author", "-c", BEGIN)
        if "100% tests passed, 0 tests failed out of 2" not in text:
            raise SystemExit(f"the template is not green:\n{text[-6000:]}")
        print(f"configured, built, tested and checked in {time.monotonic() - began:.0f} s")
        inside("dpkg", "--purge", "syncline", "syncline-dev")
        left = [str(path) for path in (root / "usr").rglob("*syncline*")]
        if left:
            raise SystemExit(f"left behind: {left}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
