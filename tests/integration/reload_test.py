#!/usr/bin/python3
"""Another configuration for a running hub: by `syncline reload`, SIGHUP and a watched file; whole or not at all."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import time
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support import BINARY, WAIT_S, HubTest, RunningHub
from swap_test import SENDERS, Load
from syncline_tools.http_load import Answer, HttpConnection

CHAOS = Path(os.environ["SYNCLINE_CHAOS"])  # a folder: versions of the connector `chaos`
CONNECTORS = BINARY.resolve().parent.parent / "connectors"
RELOADED = "the configuration was reloaded"
REFUSED = "the configuration is refused; the one in service stays"
NEW = "n-"  # what the other mapping puts before the names of users

CONFIG = """\
version: 1
hub:
  data_dir: ./data
  connectors_dir: ./connectors
  listen: 127.0.0.1:0
accounts:
  shop: { connector: webhook, settings: { key: /id } }
  people: { connector: jsonl, settings: { path: ./people.jsonl } }
connections:
  people:
    from: { account: shop, stream: records }
    to: { account: people, stream: records }
    triggers: { webhook: { name: shop, verify: none } }
    map: { id: .id, name: .name }
    deliver: { batch_wait_ms: 10, retry_base_ms: 50, retry_max_ms: 200 }
"""

MORE = """\
  others:
    from: { account: shop, stream: records }
    to: { account: others, stream: records }
    triggers: { webhook: { name: others, verify: none } }
"""


class ReloadTest(HubTest):
    def configure(self, text: str) -> None:
        """Records of a webhook into files."""
        for name in ("webhook", "jsonl"):
            shutil.copy(CONNECTORS / f"{name}.so", self.setup.connectors_dir)
        self.setup.config.write_text(text, encoding="utf-8")

    def replace(self, text: str) -> None:
        """As editors do."""
        fresh = self.setup.config.with_suffix(".yaml~")
        fresh.write_text(text, encoding="utf-8")
        fresh.rename(self.setup.config)

    def log(self, hub: RunningHub) -> list[dict[str, Any]]:
        text = hub.child.err_path.read_text(encoding="utf-8", errors="replace")
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    async def told(self, hub: RunningHub, what: str, count: int) -> dict[str, Any]:
        """The `count`-th line of the log that says so."""
        give_up = time.monotonic() + WAIT_S
        while True:
            lines = [line for line in self.log(hub) if what in json.dumps(line)]
            if len(lines) >= count:
                return lines[count - 1]
            if time.monotonic() > give_up:
                self.fail(f"not for the {count}th time: {what}: {self.log(hub)[-5:]}")
            await asyncio.sleep(0.02)

    async def say(self, hub: RunningHub, record: dict[str, Any], route: str = "shop") -> Answer:
        connection = HttpConnection("127.0.0.1", hub.port)
        try:
            headers = {"Content-Type": "application/json"}
            body = json.dumps(record).encode()
            return await connection.request("POST", f"/hooks/{route}", body, headers, WAIT_S)
        finally:
            connection.close()

    async def records(self, count: int, name: str = "people") -> list[dict[str, Any]]:
        """What is in a file, as soon as there is so much."""
        file = self.folder / f"{name}.jsonl"
        give_up = time.monotonic() + WAIT_S
        while True:
            text = file.read_text(encoding="utf-8") if file.exists() else ""
            found = [json.loads(line)["record"] for line in text.split("\n")[:-1]]
            if len(found) >= count or time.monotonic() > give_up:
                self.assertEqual(len(found), count, found)
                return found
            await asyncio.sleep(0.02)

    async def status_until(self, what: str, holds: Callable[[Any], bool]) -> Any:
        give_up = time.monotonic() + WAIT_S
        while True:
            status = await self.result("status")
            if holds(status):
                return status
            if time.monotonic() > give_up:
                self.fail(f"{what}: {status}")
            await asyncio.sleep(0.02)

    async def metrics(self, hub: RunningHub) -> str:
        reader, writer = await asyncio.open_unix_connection(str(hub.admin_socket))
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n")
        async with asyncio.timeout(WAIT_S):
            answer = await reader.read()
        writer.close()
        return answer.decode()

    async def test_a_mapping_is_changed_under_load(self) -> None:
        hub = await self.start()
        load = Load(self, hub)  # type: ignore[arg-type]
        senders = [asyncio.create_task(load.send(number)) for number in range(SENDERS)]
        old, new = "user: .user\n", f'user: ("{NEW}" + .user)\n'
        for turn in range(6):
            await asyncio.sleep(0.4)
            self.edit(old, new)
            lines = (await self.result("reload"))["lines"]
            self.assertEqual(lines, ["connection audiences: changed"])
            old, new = new, old
            self.assertEqual(len([x for x in self.log(hub) if RELOADED in json.dumps(x)]), turn + 1)
        load.is_over = True
        await asyncio.gather(*senders)
        ledger = await self.settled()
        self.assertEqual(load.failed, [])
        self.assertTrue(ledger["balanced"])
        self.assertEqual(ledger["route"]["received"], load.count)
        self.assertEqual(ledger["connection"]["delivered"], load.count)
        by_new = 0
        for (audience, user), changes in load.sent.items():
            arrived = load.arrived[audience, user] + load.arrived[audience, NEW + user]
            by_new += len(load.arrived[audience, NEW + user])
            in_order = [action for action, _ in sorted(arrived, key=lambda each: each[1])]
            self.assertEqual(in_order, [action for action, _ in changes], user)
        self.assertGreater(by_new, 0)
        self.assertLess(by_new, load.count)
        await self.stop(hub)

    async def test_settings_of_an_account_are_changed_under_load(self) -> None:
        hub = await self.start()
        load = Load(self, hub)  # type: ignore[arg-type]
        senders = [asyncio.create_task(load.send(number)) for number in range(SENDERS)]
        address, name = f"http://127.0.0.1:{self.pangolin_port}", f"http://localhost:{self.pangolin_port}"
        for _ in range(3):
            await asyncio.sleep(0.3)
            self.edit(address, name)
            self.assertEqual((await self.result("reload"))["lines"], ["account pangolin: changed"])
            address, name = name, address
        load.is_over = True
        await asyncio.gather(*senders)
        ledger = await self.settled()
        self.assertEqual(load.failed, [])
        self.assertTrue(ledger["balanced"])
        self.assertEqual(ledger["connection"]["delivered"], load.count)
        for key, changes in load.sent.items():
            self.assertEqual(
                [action for action, _ in load.arrived[key]], [action for action, _ in changes], key
            )
        await self.stop(hub)

    async def test_a_broken_file_changes_nothing_and_is_told_with_its_lines(self) -> None:
        self.configure(CONFIG)
        hub = await self.start()
        for wrong, code, place in (
            (CONFIG.replace("name: .name", "name: .name |"), "expr.", ":14:"),
            (CONFIG.replace("stream: records", "stream: nothing"), "app.unknown_stream", ":11:"),
            (CONFIG.replace("connector: jsonl", "connector: jsonk"), "plugin.unknown_connector", ":8:"),
            (CONFIG.replace("{ path: ./people.jsonl }", "{}"), "plugin.settings_invalid", ":8:"),
            (CONFIG + "  - [", "config.syntax", ":"),
        ):
            with self.subTest(code):
                self.replace(wrong)
                ended = await self.syncline("reload")
                self.assertEqual(ended.code, 2, ended.err)
                self.assertIn(code, ended.err)
                self.assertIn(place, ended.err)
                validated = await self.syncline("validate")
                self.assertEqual(validated.err, ended.err)
                envelope = (await self.syncline("reload", "--json")).json()
                self.assertEqual((envelope["ok"], envelope["command"]), (False, "reload"))
        await self.say(hub, {"id": "u1", "name": "Ann"})
        self.assertEqual(await self.records(1), [{"id": "u1", "name": "Ann"}])
        self.assertEqual([x for x in self.log(hub) if RELOADED in json.dumps(x)], [])
        await self.stop(hub)

    async def test_what_only_a_start_can_change_is_named(self) -> None:
        self.configure(CONFIG)
        hub = await self.start()
        self.replace(
            CONFIG.replace("listen: 127.0.0.1:0", "listen: 127.0.0.1:1\n  limits: { connections_max: 9 }")
            .replace("name: .name", "other: .name")
        )  # fmt: skip
        for words in (["reload"], ["reload", "--check"]):
            ended = await self.syncline(*words)
            self.assertEqual(ended.code, 2)
            self.assertIn("app.needs_restart: `hub.listen`, `hub.limits.connections_max`", ended.err)
        await self.say(hub, {"id": "u1", "name": "Ann"})
        self.assertEqual(await self.records(1), [{"id": "u1", "name": "Ann"}])
        await self.stop(hub)

    async def test_connections_come_and_go(self) -> None:
        self.configure(CONFIG)
        hub = await self.start()
        self.assertEqual((await self.say(hub, {"id": "u1"}, "others")).status, 404)
        more = CONFIG.replace(
            "connections:", "  others: { connector: jsonl, settings: { path: ./others.jsonl } }\nconnections:"
        )  # fmt: skip
        self.replace(more + MORE)
        checked = await self.syncline("reload", "--check")
        self.assertEqual(checked.code, 0, checked.err)
        self.assertIn("can be loaded: 3 changes", checked.out)
        self.assertEqual((await self.say(hub, {"id": "u1"}, "others")).status, 404)
        ended = await self.syncline("reload")
        self.assertEqual(ended.code, 0, ended.err)
        self.assertEqual(
            ended.out,
            "account others: added\nconnection others: added\nwebhook others: added\n"
            f"{self.setup.config} is in service: 3 changes\n",
        )
        self.assertEqual((await self.say(hub, {"id": "u2"}, "others")).status, 202)
        self.assertEqual(await self.records(1, "others"), [{"id": "u2"}])

        self.replace(CONFIG)
        lines = (await self.result("reload"))["lines"]
        self.assertEqual(lines, ["account others: removed", "connection others: removed", "webhook others: removed"])
        self.assertEqual((await self.say(hub, {"id": "u3"}, "others")).status, 404)
        metrics = await self.metrics(hub)
        self.assertNotIn('route="others",status_class', metrics)
        self.assertNotIn('account="others"', metrics)
        self.assertEqual((await self.result("reload"))["summary"], "nothing has changed")

        self.replace(more + MORE)
        await self.result("reload")
        self.assertEqual((await self.say(hub, {"id": "u4"}, "others")).status, 202)
        self.assertEqual(await self.records(2, "others"), [{"id": "u2"}, {"id": "u4"}])
        status = await self.result("status")
        self.assertEqual(status["ledger"]["connections"]["others"]["delivered"], 2)
        self.assertTrue(status["ledger"]["balanced"])
        await self.stop(hub)

    async def test_what_waits_for_a_removed_connection_is_parked_and_comes_back(self) -> None:
        hub = await self.start()
        await self.pangolin.service.stop()
        await self.send(hub, ["u1", "u2"])
        await self.until("they wait", lambda ledger: ledger["connection"].get("pending") == 2)
        whole = self.setup.config.read_text(encoding="utf-8")
        self.replace(whole[: whole.index("connections:")] + "connections: {}\n")
        lines = (await self.result("reload"))["lines"]
        self.assertEqual(lines, ["connection audiences: removed", "webhook acme-dmp: removed"])
        ledger = await self.until("they are parked", lambda found: found["connection"].get("parked") == 2)
        self.assertTrue(ledger["balanced"])
        self.assertEqual(ledger["connection"]["pending"], 0)
        self.replace(whole)
        await self.result("reload")
        await self.pangolin.service.start("127.0.0.1", self.pangolin_port)
        ledger = await self.settled()
        self.assertEqual(ledger["connection"]["delivered"], 2)
        self.assertEqual(sorted(await self.members()), ["u1", "u2"])
        await self.stop(hub)

    def instances(self, hub: RunningHub) -> list[str]:
        """The accounts that got another instance since the start, as the log says."""
        lines = [line for line in self.log(hub) if "an instance of an account serves" in json.dumps(line)]
        return [line["account"] for line in lines]

    async def set_back(self) -> None:
        self.replace(CONFIG)
        await self.result("reload")

    async def test_an_account_that_is_the_same_keeps_its_instance(self) -> None:
        self.configure(CONFIG)
        hub = await self.start()
        await self.say(hub, {"id": "u1", "name": "Ann"})
        await self.records(1)
        self.replace(CONFIG.replace("name: .name", "name: (.name | ascii_upcase)"))
        await self.result("reload")
        self.assertEqual(self.instances(hub), [])
        await self.set_back()
        self.replace(CONFIG.replace("./people.jsonl", "./persons.jsonl"))
        self.assertEqual((await self.result("reload"))["lines"], ["account people: changed"])
        self.assertEqual(self.instances(hub), ["people"])
        await self.say(hub, {"id": "u2", "name": "Bob"})
        self.assertEqual(await self.records(1, "persons"), [{"id": "u2", "name": "Bob"}])
        await self.stop(hub)

    async def test_an_account_that_does_not_start_changes_nothing(self) -> None:
        self.configure(CONFIG)
        hub = await self.start()
        self.replace(
            CONFIG.replace("key: /id", 'key: { expr: ".id |" }')
            .replace("./people.jsonl", "./persons.jsonl")
            .replace("name: .name", "other: .name")
        )  # fmt: skip
        ended = await self.syncline("reload")
        self.assertNotEqual(ended.code, 0, ended.out)
        self.assertIn("shop", ended.err)
        self.assertEqual(self.instances(hub), [])
        await self.say(hub, {"id": "u1", "name": "Ann"})
        self.assertEqual(await self.records(1), [{"id": "u1", "name": "Ann"}])
        await self.stop(hub)

    async def test_a_stream_that_a_new_version_brings_can_be_used(self) -> None:
        text = CONFIG.replace("connector: jsonl, settings: { path: ./people.jsonl }", "connector: chaos").replace(
            "account: people, stream: records", "account: people, stream: things"
        )  # fmt: skip
        self.configure(text)
        shutil.copy(CHAOS / "chaos.so", self.setup.connectors_dir)
        hub = await self.start()
        self.replace(text.replace("things", "others"))
        self.assertIn("app.unknown_stream", (await self.syncline("reload")).err)
        shutil.copy(CHAOS / "chaos_others.so", self.setup.connectors_dir / "new")
        (self.setup.connectors_dir / "new").rename(self.setup.connectors_dir / "chaos.so")
        self.assertEqual((await self.result("reload"))["lines"], ["connection people: changed"])
        await self.say(hub, {"id": "u1"})
        await self.status_until(
            "it is delivered", lambda status: status["ledger"]["connections"]["people"]["delivered"] == 1
        )
        await self.stop(hub)

    async def test_sighup_and_a_watched_file(self) -> None:
        self.configure(CONFIG)
        child = await self.setup.launch()
        self.addAsyncCleanup(child.end, signal.SIGKILL)
        hub = await self.setup.ready(child, WAIT_S)
        self.replace(CONFIG.replace("name: .name", "first: .name"))
        hub.child.process.send_signal(signal.SIGHUP)
        line = await self.told(hub, RELOADED, 1)
        self.assertIn("SIGHUP", json.dumps(line))
        self.assertIn("connection people: changed", json.dumps(line))
        await self.say(hub, {"id": "u1", "name": "Ann"})
        self.assertEqual(await self.records(1), [{"id": "u1", "first": "Ann"}])
        self.replace("nonsense")
        hub.child.process.send_signal(signal.SIGHUP)
        await self.told(hub, REFUSED, 1)
        await self.say(hub, {"id": "u2", "name": "Bob"})
        self.assertEqual((await self.records(2))[1], {"id": "u2", "first": "Bob"})
        await self.stop(hub)

    async def test_a_watched_file_is_taken_when_it_is_whole(self) -> None:
        self.configure(CONFIG)
        environment = {"SYNCLINE_WATCH": "1"}
        hub = await self.start(environment)
        self.replace(CONFIG.replace("name: .name", "first: .name"))
        line = await self.told(hub, RELOADED, 1)
        self.assertIn("file", json.dumps(line))
        self.setup.config.write_text(CONFIG.replace("name: .name", "wrong: .name |"), encoding="utf-8")
        await self.told(hub, REFUSED, 1)
        self.setup.config.write_text(CONFIG.replace("name: .name", "second: .name"), encoding="utf-8")
        await self.told(hub, RELOADED, 2)
        await self.say(hub, {"id": "u1", "name": "Ann"})
        self.assertEqual(await self.records(1), [{"id": "u1", "second": "Ann"}])
        await self.stop(hub)


if __name__ == "__main__":
    unittest.main()
