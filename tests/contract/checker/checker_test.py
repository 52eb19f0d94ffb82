"""`syncline connectors check` from outside: what it finds in connectors that break one rule each, and in sound ones."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

HUB = os.environ["SYNCLINE_HUB"]
BROKEN = Path(os.environ["SYNCLINE_BROKEN"])
SOUND = [Path(file) for file in os.environ["SYNCLINE_SOUND"].split(":")]
SANITIZED = os.environ.get("SYNCLINE_SANITIZED", "") != ""
EVERY_RULE = os.environ.get("SYNCLINE_EVERY_RULE", "") != ""
LIMIT_S = 300.0
# A sanitizer keeps libraries mapped, has an allocator of its own, and takes its time.
NOT_SANITIZED = {"life-thousand", "unload-unmapped", "unload-fifty", "scan-time"}


def check(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [HUB, "connectors", "check", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)


def result(*words: str | Path) -> tuple[int, Any]:
    ended = check(*words, "--format", "json")
    envelope = json.loads(ended.stdout)
    return ended.returncode, envelope["result"] if envelope["error"] is None else envelope["error"]


def not_passed(tests: list[Any]) -> dict[str, str]:
    """What neither passed nor was skipped, as {name: status}."""
    return {test["name"]: test["status"] for test in tests if test["status"] not in ("passed", "skipped")}


def all_tests() -> list[str]:
    ended = check("--list", "--json")
    return [test["name"] for test in json.loads(ended.stdout)["result"]]


class BrokenConnectors(unittest.TestCase):
    def test_each_is_caught_by_its_test_and_by_no_other(self) -> None:
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        truncated = folder / "static-library.so"
        whole = (BROKEN / "nothing.so").read_bytes()
        truncated.write_bytes(whole[: len(whole) // 2])
        files = {test: BROKEN / f"{test}.so" for test in all_tests()} | {"static-library": truncated}
        if SANITIZED:
            files = {test: file for test, file in files.items() if test not in NOT_SANITIZED}
        with ThreadPoolExecutor(2) as pool:
            results = dict(zip(files, pool.map(result, files.values())))
        for test, (code, checked) in results.items():
            with self.subTest(test):
                found = not_passed(checked["tests"])
                self.assertEqual(list(found), [test], found)
                self.assertEqual(code, 0 if found[test] == "warning" else 1)
                for each in checked["tests"]:
                    self.assertEqual(each["seen"] == "", each["status"] == "passed", each)

    def test_without_its_test_one_goes_uncaught(self) -> None:
        names = ("static-exports", "write-one-outcome", "memory-borrowed", "fuzz-webhooks")
        if EVERY_RULE:
            names = tuple(test for test in all_tests() if test != "static-library")  # what no linker made
        with ThreadPoolExecutor(2) as pool:
            results = pool.map(lambda test: result(BROKEN / f"{test}.so", "--without", test), names)
            for test, (code, checked) in zip(names, results):
                with self.subTest(test):
                    self.assertEqual((code, not_passed(checked["tests"])), (0, {}))


class SoundConnectors(unittest.TestCase):
    def test_they_pass_the_highest_level(self) -> None:
        for file in [BROKEN / "nothing.so", *SOUND]:
            with self.subTest(file.name):
                code, checked = result(file)
                self.assertEqual(not_passed(checked["tests"]), {})
                self.assertEqual((code, checked["level_passed"]), (0, 10))

    def test_the_one_of_this_folder_is_judged_by_every_test(self) -> None:
        _, checked = result(BROKEN / "nothing.so")
        skipped = {test["name"] for test in checked["tests"] if test["status"] == "skipped"}
        self.assertLessEqual(skipped, NOT_SANITIZED if SANITIZED else set())


class CommandLine(unittest.TestCase):
    def test_a_level_asks_for_the_tests_up_to_it(self) -> None:
        file = BROKEN / "write-one-outcome.so"
        self.assertEqual(check(file, "--level", "5").returncode, 0)
        ended = check(file, "--level", "6")
        self.assertEqual(ended.returncode, 1)
        self.assertIn("Level 6 is not passed, level 5 is.", ended.stdout)

    def test_a_failure_says_what_was_seen_why_it_matters_and_what_to_do(self) -> None:
        file = BROKEN / "fault-retry-after.so"
        ended = check(file, "--test", "fault-retry-after")
        self.assertEqual(ended.returncode, 1)
        for words in (
            "FAILED fault-retry-after (level 7)",
            "should be  the platform's Retry-After reaches the hub",
            "`Retry-After: 7`, the connector retry_after_ms -1",
            "otherwise  the hub comes back too early",
            "to do      set retry_after_ms of the error",
            f"again      syncline connectors check {file} --reproduce fault-retry-after:1",
        ):
            self.assertIn(words, ended.stdout)

    def test_a_crash_is_reproduced_by_its_seed(self) -> None:
        code, checked = result(BROKEN / "fuzz-webhooks.so", "--reproduce", "fuzz-webhooks:42")
        self.assertEqual((code, checked["seed"]), (1, 42))
        self.assertEqual(not_passed(checked["tests"]), {"fuzz-webhooks": "crashed"})
        self.assertIn("SIGSEGV", checked["tests"][0]["seen"])

    def test_junit_counts_failures_and_crashes_apart(self) -> None:
        for name, expected in (("errors-say-why", ("1", "0")), ("memory-borrowed", ("0", "1"))):
            suite = ElementTree.fromstring(
                check(BROKEN / f"{name}.so", "--test", name, "--format", "junit").stdout
            )
            self.assertEqual((suite.get("failures"), suite.get("errors")), expected)

    def test_settings_are_given_or_made_up(self) -> None:
        with tempfile.NamedTemporaryFile("w", suffix=".json") as settings:
            settings.write('{"base_url": 5}')
            settings.flush()
            code, error = result(BROKEN / "nothing.so", "--settings", settings.name)
        self.assertEqual((code, error["code"]), (2, "plugin.settings_invalid"))

    def test_what_is_no_connector_fails_and_names_no_other_reason(self) -> None:
        code, checked = result("/usr/bin/env")
        self.assertEqual(code, 1)
        self.assertEqual(set(not_passed(checked["tests"])), {"static-exports", "static-manifest", "scan-loads"})

    def test_unknown_tests_and_missing_files_are_refused(self) -> None:
        code, error = result(BROKEN / "nothing.so", "--test", "no-such-test")
        self.assertEqual((code, error["code"]), (2, "checker.unknown_test"))
        code, error = result("/nonexistent.so")
        self.assertEqual((code, error["code"]), (2, "checker.file_unreadable"))
        self.assertEqual(check().returncode, 2)


if __name__ == "__main__":
    unittest.main()
