#!/usr/bin/python3
"""The connectors that anyone can use: their pages, and what they do in a running hub."""

from __future__ import annotations

import asyncio
import json
import shutil
import unittest
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from support import BINARY, HERE, WAIT_S, HubTest, run
from syncline_tools.http_load import Answer, HttpConnection
from syncline_tools.http_service import HttpService, Reply, Request

PAGES = sorted((HERE.parents[1] / "plugins").glob("*/README.md"))
CONNECTORS = BINARY.resolve().parent.parent / "connectors"
ANN = {"id": "u1", "name": "Ann", "email": "ann@example.com"}


def example(page: Path) -> str:
    """The one configuration that a page shows."""
    blocks = page.read_text(encoding="utf-8").split("```yaml\n")
    assert len(blocks) == 2, f"{page} has {len(blocks) - 1} configurations"
    return blocks[1].split("```")[0]


class ConnectorsTest(HubTest):
    def use(self, configuration: str) -> None:
        """The connectors of the build, and a configuration on a port that is free."""
        for file in CONNECTORS.glob("*.so"):
            shutil.copy(file, self.setup.connectors_dir)
        text = configuration.replace("127.0.0.1:8080", "127.0.0.1:0")
        self.setup.config.write_text(text, encoding="utf-8")

    async def say(
        self, port: int, body: object, content_type: str = "application/x-www-form-urlencoded"
    ) -> Answer:
        connection = HttpConnection("127.0.0.1", port)
        text = body if isinstance(body, str) else json.dumps(body)
        try:
            headers: Mapping[str, str] = {"Content-Type": content_type}
            return await connection.request("POST", "/hooks/shop", text.encode(), headers, WAIT_S)
        finally:
            connection.close()

    async def lines(self, count: int) -> list[dict[str, Any]]:
        """The lines of people.jsonl, as soon as there are so many."""
        file = self.folder / "people.jsonl"
        give_up = asyncio.get_running_loop().time() + WAIT_S
        while True:
            text = file.read_text(encoding="utf-8") if file.exists() else ""
            found = [json.loads(line) for line in text.split("\n")[:-1]]
            if len(found) >= count or asyncio.get_running_loop().time() > give_up:
                self.assertEqual(len(found), count, found)
                return found
            await asyncio.sleep(0.02)

    async def test_the_configuration_on_every_page_is_valid(self) -> None:
        self.assertGreaterEqual(len(PAGES), 5)
        environment = {"ACME_DMP_KEY": "k", "CRM_TOKEN": "t"}
        for page in PAGES:
            with self.subTest(page.parent.name):
                self.use(example(page))
                ended = await run(self.setup.command("validate"), environment)
                self.assertEqual(ended.code, 0, ended.out + ended.err)

    async def test_what_is_posted_is_a_line_and_a_repeat_is_none(self) -> None:
        page = HERE.parents[1] / "plugins/webhook/README.md"
        self.use(example(page).replace("triggers:", "deliver: { batch_wait_ms: 10 }\n    triggers:"))
        hub = await self.start()

        self.assertEqual((await self.say(hub.port, ANN)).status, 202)
        first = (await self.lines(1))[0]
        self.assertEqual((await self.say(hub.port, ANN)).status, 202)
        changed = {**ANN, "email": "a@example.com"}
        self.assertEqual((await self.say(hub.port, changed)).status, 202)
        _, second = await self.lines(2)
        more = '{"id":"u2"}\n{"id":"u3"}\n'
        self.assertEqual((await self.say(hub.port, more, "application/x-ndjson")).status, 202)
        found = await self.lines(4)

        self.assertEqual((first["op"], first["key"], first["record"]), ("upsert", "u1", ANN))
        self.assertNotIn("changed", first)
        self.assertEqual((second["key"], second["record"]), ("u1", changed))
        self.assertEqual({line["key"] for line in found[2:]}, {"u2", "u3"})
        await self.stop(hub)

    async def test_a_file_that_ends_in_the_midst_of_a_line_goes_on_below(self) -> None:
        page = example(HERE.parents[1] / "plugins/jsonl/README.md")
        self.use(page.replace("triggers:", "deliver: { batch_wait_ms: 10 }\n    triggers:"))
        file = self.folder / "people.jsonl"
        file.write_text('{"op":"upsert","key":"u', encoding="utf-8")
        hub = await self.start()
        await self.say(hub.port, ANN)
        async with asyncio.timeout(WAIT_S):
            while not file.read_text(encoding="utf-8").endswith("\n"):
                await asyncio.sleep(0.02)
        await self.stop(hub)
        head, line, rest = file.read_text(encoding="utf-8").split("\n")
        self.assertEqual((head, rest), ('{"op":"upsert","key":"u', ""))
        self.assertEqual(json.loads(line)["record"], ANN)

    async def test_records_go_to_an_http_interface_under_its_own_ids(self) -> None:
        seen: list[tuple[str, str, bytes]] = []

        def handle(request: Request) -> Reply:
            seen.append((request.method, request.path, request.body))
            return Reply(200, b'{"id": 17}')

        crm = HttpService(handle)
        await crm.start("127.0.0.1", 0)
        self.addAsyncCleanup(crm.stop)
        page = example(HERE.parents[1] / "plugins/http/README.md")
        page = page.replace("https://crm.example.com", f"http://127.0.0.1:{crm.port}")
        self.use(page.replace("triggers:", "deliver: { batch_wait_ms: 10 }\n    triggers:"))
        hub = await self.start({"CRM_TOKEN": "t"})
        await self.say(hub.port, ANN)
        await self.reached(seen, 1)
        await self.say(hub.port, {**ANN, "name": "Anna"})
        await self.reached(seen, 2)
        await self.stop(hub)

        self.assertEqual([call[:2] for call in seen], [("POST", "/v1/users"), ("PATCH", "/v1/users/17")])
        self.assertEqual(json.loads(seen[1][2]), {**ANN, "name": "Anna"})

    async def reached(self, seen: list[Any], count: int) -> None:
        async with asyncio.timeout(WAIT_S):
            while len(seen) < count:
                await asyncio.sleep(0.02)

    async def test_a_setting_that_is_wrong_is_told_at_its_place(self) -> None:
        page = example(HERE.parents[1] / "plugins/webhook/README.md")
        self.use(page.replace("{ key: /id }", "{ key: id }"))
        ended = await self.syncline("validate")
        self.assertEqual(ended.code, 2)
        self.assertIn("plugin.settings_invalid: /key", ended.out + ended.err)

        self.use(page.replace("{ key: /id }", "{ key: { expr: '.id |' } }"))
        ended = await self.syncline("run")
        self.assertNotEqual(ended.code, 0)
        self.assertIn("at 1:", ended.err)


if __name__ == "__main__":
    unittest.main()
