#!/usr/bin/python3
"""What a third party begins with: the packages, `connectors new`, the command of its README, a hub that loads it."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import re
import shutil
import signal
import tempfile
import time
import unittest
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from support import BINARY, HERE, WAIT_S, Child
from syncline_tools.hub import READY
from syncline_tools.http_load import Answer, HttpConnection
from syncline_tools.http_service import HttpService, Reply, Request
from syncline_tools.processes import start

ROOT = HERE.parents[1]
BUILD_S = 600.0  # for a machine that does other things as well; alone it takes less than 60
TOKEN, WEBHOOK_KEY = "a token for tests", "a key for tests"


async def must(command: list[str], folder: Path, environment: Mapping[str, str], limit_s: float = WAIT_S) -> str:
    """Runs a command that has to succeed; returns what it said."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env={**os.environ, **environment}, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        async with asyncio.timeout(limit_s):
            out, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise AssertionError(f"{' '.join(command)} did not end in {limit_s:.0f} s") from None
    text = out.decode(errors="replace")
    if process.returncode != 0:
        raise AssertionError(f"{' '.join(command)} ended with {process.returncode}:\n{text[-8000:]}")
    return text


class TemplateTest(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="syncline-test."))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        build = BINARY.resolve().parent.parent
        debs = self.folder / "debs"
        await must([str(ROOT / "tools/package"), "--no-build", "--build", str(build), "--output", str(debs)],
                   self.folder, {}, BUILD_S)  # fmt: skip
        self.installed = self.folder / "installed"
        for package in sorted(debs.glob("*.deb")):
            await must(["dpkg-deb", "-x", str(package), str(self.installed)], self.folder, {}, BUILD_S)
        [hub] = debs.glob("syncline_*.deb")
        needs = await must(["dpkg-deb", "-f", str(hub), "Depends"], self.folder, {})
        self.assertIn("libcurl4 ", needs)  # no library that the binary names
        self.assertIn("liblmdb0 ", needs)
        self.environment = {
            "PATH": f"{self.installed}/usr/bin:{os.environ['PATH']}",
            "CMAKE_PREFIX_PATH": f"{self.installed}/usr",
            "CONNECTORS": f"{self.installed}/usr/lib/syncline/connectors",
            "ACME_TOKEN": TOKEN,
            "ACME_WEBHOOK_KEY": WEBHOOK_KEY,
        }

    async def test_a_new_connector_builds_passes_and_runs_by_what_is_installed(self) -> None:
        await must(["syncline", "connectors", "new", "acme"], self.folder, self.environment)
        project = self.folder / "acme"
        await self.run_the_one_command(project, self.environment)

        built = project / "build/default/acme.so"
        self.connectors = Path(self.environment["CONNECTORS"])
        shutil.copy(built, self.connectors)
        await self.check_that_a_recording_replays(project)
        self.use_free_port(project / "syncline.yaml")
        await self.check_both_directions(project, built)

    async def test_a_name_of_two_words_is_a_connector_too(self) -> None:
        """Nothing of the template's name is left, and what is left is a connector: `batch` is a name of the SDK."""
        await must(["syncline", "connectors", "new", "batch-2"], self.folder, self.environment)
        project = self.folder / "batch-2"
        for file in project.rglob("*"):
            self.assertNotIn("acme", file.name.lower())
            if file.is_file():
                self.assertNotIn("acme", file.read_text(encoding="utf-8").lower(), file)
        configure = ["cmake", "--preset", "default", "-DBUILD_TESTING=OFF"]
        await must(configure, project, self.environment, BUILD_S)
        await must(["cmake", "--build", "--preset", "default"], project, self.environment, BUILD_S)
        described = await must(
            ["syncline", "connectors", "describe", "build/default/batch-2.so"], project, self.environment
        )
        self.assertIn("(batch-2) 0.1.0", described)
        self.assertIn("preset people-by-address (profiles)", described)

    async def run_the_one_command(self, project: Path, environment: Mapping[str, str]) -> None:
        page = (project / "README.md").read_text(encoding="utf-8")
        command = page.split("## One command\n\n```\n")[1].split("\n```")[0]
        self.assertNotIn("\n", command)
        began = time.monotonic()
        said = await must(["bash", "-c", command], project, environment, BUILD_S)
        print(f"{command}: {time.monotonic() - began:.0f} s", flush=True)
        passed = re.search(r"100% tests passed, 0 tests failed out of (\d+)", said)
        self.assertIsNotNone(passed, said)

    async def check_that_a_recording_replays(self, project: Path) -> None:
        """A fixture that was written by hand gives way to one that was recorded, and the tests stay green."""
        fixture = project / "fixtures/partial.json"
        refused = json.loads(fixture.read_text(encoding="utf-8"))["exchanges"][0]["response"]["body"]
        acme = HttpService(lambda request: Reply(200, json.dumps(refused).encode()))
        await acme.start("127.0.0.1", 0)
        self.addAsyncCleanup(acme.stop)
        users = [
            {"key": user, "record": {"user": user, "attributes": {"name": f"Name of {user}"}}}
            for user in ("u1", "u2", "u3", "u4")
        ]
        records = [users[0], {"key": "bad", "record": {"name": "x"}}, *users[1:]]
        lines = self.folder / "records.jsonl"
        lines.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
        config = project / "recording.yaml"
        text = (project / "syncline.yaml").read_text(encoding="utf-8")
        config.write_text(text.replace("settings: { base_url", "settings: { list: spring, base_url"), encoding="utf-8")
        url = f"http://127.0.0.1:{acme.port}"
        said = await must(
            ["syncline", "connectors", "record", "acme", "-c", str(config), "--stream", "profiles",
             "--records", str(lines), "--output", str(fixture)],
            project, {**self.environment, "ACME_URL": url},
        )  # fmt: skip
        self.assertIn("5 records, of which 2 done", said)
        text = fixture.read_text(encoding="utf-8")
        self.assertNotIn(TOKEN, text)
        fixture.write_text(text.replace(url, "https://api.acme.example"), encoding="utf-8")
        await must(["build/default/acme_tests"], project, self.environment)

    def use_free_port(self, config: Path) -> None:
        text = config.read_text(encoding="utf-8").replace("127.0.0.1:8080", "127.0.0.1:0")
        text = re.sub(r"(?m)^(    triggers:)$", r"    deliver: { batch_wait_ms: 10 }\n\1", text)
        config.write_text(text, encoding="utf-8")

    async def check_both_directions(self, project: Path, built: Path) -> None:
        seen: list[Request] = []

        def handle(request: Request) -> Reply:
            seen.append(request)
            return Reply(200, b'{"refused": []}')

        acme = HttpService(handle)
        await acme.start("127.0.0.1", 0)
        self.addAsyncCleanup(acme.stop)
        environment = {**self.environment, "ACME_URL": f"http://127.0.0.1:{acme.port}"}
        await must(["syncline", "validate"], project, environment)
        binary = str(self.installed / "usr/bin/syncline")
        hub = await start("hub", [binary, "run", "-c", str(project / "syncline.yaml")], project, environment)
        self.addAsyncCleanup(hub.end, signal.SIGKILL)
        port = int((await hub.ready(READY, WAIT_S))[2])

        await self.check_from_acme(port, project, "u1")
        shop = await self.post(port, "/hooks/shop", b'{"user": "u2", "attributes": {"name": "Bo"}}')
        self.assertEqual(shop.status, 202, shop)
        async with asyncio.timeout(WAIT_S):
            while not seen:
                await asyncio.sleep(0.02)
        self.assertEqual((seen[0].method, seen[0].path), ("POST", "/v1/profiles"))
        self.assertEqual(seen[0].headers["authorization"], f"Bearer {TOKEN}")
        expected = {"list": "default", "profiles": [{"id": "u2", "attributes": {"name": "Bo"}}]}
        self.assertEqual(json.loads(seen[0].body), expected)

        # A new build over the old one never hurts what runs.
        shutil.copy(built, self.connectors)
        await self.check_from_acme(port, project, "u3")
        await self.check_end(hub)

    async def check_end(self, hub: Child) -> None:
        self.assertEqual(await hub.end(signal.SIGTERM, WAIT_S), 0, hub.last_words())

    async def check_from_acme(self, port: int, project: Path, user: str) -> None:
        event = {"type": "changed", "profile": {"id": user, "name": "Ann"}}
        body = json.dumps({"events": [event]}).encode()
        digest = hmac.new(WEBHOOK_KEY.encode(), body, hashlib.sha256).hexdigest()
        forged = await self.post(port, "/hooks/acme", body, {"X-Hub-Signature-256": f"sha256={'0' * 64}"})
        self.assertEqual(forged.status, 401, forged)
        taken = await self.post(port, "/hooks/acme", body, {"X-Hub-Signature-256": f"sha256={digest}"})
        self.assertEqual(taken.status, 202, taken)
        line = await self.line(project / "people.jsonl", user)
        self.assertEqual(line["record"], {"user": user, "attributes": {"name": "Ann"}})

    async def post(self, port: int, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
        connection = HttpConnection("127.0.0.1", port)
        try:
            return await connection.request("POST", path, body, headers or {}, WAIT_S)
        finally:
            connection.close()

    async def line(self, file: Path, key: str) -> dict[str, Any]:
        async with asyncio.timeout(WAIT_S):
            while True:
                text = file.read_text(encoding="utf-8") if file.exists() else ""
                for line in text.split("\n")[:-1]:
                    record: dict[str, Any] = json.loads(line)
                    if record["key"] == key:
                        return record
                await asyncio.sleep(0.02)


if __name__ == "__main__":
    unittest.main()
