"""Binaries that were built with a released SDK pass all that the present hub asks of a connector."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

import make_fixtures

HUB = os.environ["SYNCLINE_HUB"]
BUILD = os.environ["SYNCLINE_BUILD"]
KEPT = Path(__file__).resolve().parent / "fixtures"
LEVEL_MAX = 10


def problems_of(folder: Path) -> list[str]:
    """What is wrong with a kept set, or with the hub that does not take it."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    found = {each.name for each in folder.glob("*.so")}
    problems = [f"{name} is not in the manifest" for name in sorted(found - manifest["files"].keys())]
    for name, digest in manifest["files"].items():
        file = folder / name
        if not file.is_file() or make_fixtures.sha256(file) != digest:
            problems.append(f"{name} is not the file that was released with SDK {manifest['sdk']}")
            continue
        command = [HUB, "connectors", "check", str(file), "--format", "json"]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        result = json.loads(ended.stdout)["result"]
        if ended.returncode != 0 or result["level_passed"] != LEVEL_MAX:
            failed = [each for each in result["tests"] if each["status"] not in ("passed", "skipped", "warning")]
            problems.append(f"{name} of SDK {manifest['sdk']}: {failed}")
    return problems


class Released(unittest.TestCase):
    def test_every_kept_set_passes_the_highest_level(self) -> None:
        for folder in sorted(KEPT.glob("*/")):
            with self.subTest(folder.name):
                self.assertEqual(problems_of(folder), [])

    def test_a_set_of_the_present_sdk_passes_and_a_changed_one_is_found(self) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            prefix, folder = Path(scratch) / "prefix", Path(scratch) / "present"
            command = ["cmake", "--install", BUILD, "--component", "plugin_api", "--prefix", str(prefix)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            make_fixtures.make(prefix, folder)

            self.assertEqual(len(list(folder.glob("*.so"))), 3)
            self.assertEqual(problems_of(folder), [])
            with (folder / "c-source.so").open("ab") as library:
                library.write(b"\0")
            (folder / "other.so").write_bytes(b"")
            told = problems_of(folder)
            self.assertEqual(told[0], "other.so is not in the manifest")
            self.assertIn("c-source.so is not the file that was released", told[1])
            with self.assertRaises(FileExistsError):
                make_fixtures.make(prefix, folder)


if __name__ == "__main__":
    unittest.main()
