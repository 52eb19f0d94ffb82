#!/usr/bin/python3
"""`syncline doctor`: what it says of healthy and of sick surroundings, and that it only looks."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import signal
import socket
import stat
import unittest
from pathlib import Path
from typing import Any

from support import KEY, KEY_VARIABLE, NOBODY, Ended, HubTest, run

LISTEN = 'listen: "127.0.0.1:0"'


def snapshot(folder: Path) -> dict[str, tuple[Any, ...]]:
    """Everything about a tree that can be changed, but for the times of reading."""
    found = {}
    for path in sorted([folder, *folder.rglob("*")]):
        status = path.lstat()
        content = path.read_bytes() if stat.S_ISREG(status.st_mode) else b""
        found[str(path)] = (
            status.st_mode,
            status.st_uid,
            status.st_ino,
            status.st_mtime_ns,
            status.st_ctime_ns,
            hashlib.sha256(content).hexdigest(),
        )
    return found


class DoctorTest(HubTest):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.setup.data_dir.chmod(0o700)
        # The machine of a test may have less room than the default backlog.
        self.edit(LISTEN, LISTEN + "\n  limits: { pending_bytes_max: 1048576 }")

    async def look(self, code: int = 0) -> dict[str, dict[str, str]]:
        """The findings by name; a name that comes twice has its last."""
        before = snapshot(self.folder)
        ended = await self.syncline("doctor", "--json")
        self.assertEqual(snapshot(self.folder), before)
        self.assertEqual((ended.code, ended.err), (code, ""), ended.out)
        envelope = ended.json()
        self.assertEqual((envelope["command"], envelope["ok"]), ("doctor", code == 0))
        return {check["name"]: check for check in envelope["result"]["checks"]}

    async def test_before_the_first_start_all_is_well(self) -> None:
        self.setup.data_dir.rmdir()
        checks = await self.look()
        self.assertEqual({check["health"] for check in checks.values()} - {"warn"}, {"ok"})
        self.assertIn("will be created", checks["data directory"]["what"])
        self.assertFalse(self.setup.data_dir.exists())

    async def test_text_is_one_line_for_each_check_and_a_sum(self) -> None:
        ended = await self.syncline("doctor")
        self.assertEqual((ended.code, ended.err), (0, ""))
        *lines, last = ended.out.splitlines()
        self.assertGreater(len(lines), 10)
        for line in lines:
            self.assertRegex(line, r"^(ok    |warn  )[a-z]")
        self.assertRegex(last, r"^\d+ ok, \d+ warn, 0 fail$")

    async def test_beside_a_running_hub_it_says_what_that_says(self) -> None:
        hub = await self.start()
        pid = hub.child.pid
        ended = await self.syncline("doctor", "--json")
        self.assertEqual(ended.code, 0, ended.out)
        checks = {check["name"]: check for check in ended.json()["result"]["checks"]}
        self.assertEqual(checks["lock"]["what"], f"held by the process {pid}")
        self.assertEqual(checks["port"]["what"], f"the hub serves http://127.0.0.1:{hub.port}")
        self.assertEqual(checks["ledger"]["what"], "it balances")
        self.assertEqual(checks["dead letters"]["health"], "ok")
        self.assertEqual((await self.send(hub, ["u1"])).status, 200)
        await self.settled()
        await self.stop(hub)
        checks = await self.look()
        self.assertIn("free", checks["lock"]["what"])
        self.assertEqual(checks["journal"]["health"], "ok")
        self.assertEqual(checks["state"]["health"], "ok")
        self.assertEqual(checks["clock"]["health"], "ok")

    async def test_a_killed_hub_leaves_nothing_that_it_complains_about(self) -> None:
        hub = await self.start()
        await hub.child.end(signal.SIGKILL)
        checks = await self.look()
        self.assertIn("left over", checks["admin socket"]["what"])
        await self.stop(await self.start())

    async def test_a_hub_whose_socket_is_gone(self) -> None:
        await self.start()
        (self.setup.data_dir / "admin.sock").unlink()
        ended = await self.syncline("doctor", "--json")
        checks = {check["name"]: check for check in ended.json()["result"]["checks"]}
        self.assertEqual(checks["admin socket"]["health"], "fail")
        self.assertNotEqual(ended.code, 0)

    async def test_damage_is_found_where_it_is(self) -> None:
        await self.stop(await self.start())
        file = self.setup.data_dir / "state/data.mdb"
        data = bytearray(file.read_bytes())
        data[4096 * 2 :] = b"\x55" * (len(data) - 4096 * 2)
        file.write_bytes(data)
        segment = min((self.setup.data_dir / "journal").iterdir())
        data = bytearray(segment.read_bytes())
        data[:4096] = b"\x55" * 4096
        segment.write_bytes(data)
        checks = await self.look(3)
        self.assertIn("store.state_damaged", checks["state"]["what"])
        self.assertIn("store.journal_damaged", checks["journal"]["what"])
        self.assertIn("syncline salvage", checks["state"]["remedy"])

    async def test_a_taken_port(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            self.edit(LISTEN, f'listen: "127.0.0.1:{port}"')
            checks = await self.look(3)
            self.assertEqual(checks["port"]["health"], "fail")
            self.assertIn(f"127.0.0.1:{port}", checks["port"]["what"])
        self.assertEqual((await self.look())["port"]["health"], "ok")

    async def test_refused_connectors_and_a_missing_directory_of_them(self) -> None:
        (self.setup.connectors_dir / "zz.so").write_bytes(b"this is no library" * 100)
        checks = await self.look()
        self.assertEqual(checks["connector"]["health"], "warn")
        self.assertIn("zz.so is refused", checks["connector"]["what"])
        shutil.rmtree(self.setup.connectors_dir)
        self.assertEqual((await self.look(3))["connectors"]["health"], "fail")

    async def test_an_invalid_configuration_and_what_can_be_said_all_the_same(self) -> None:
        self.edit("connector: pangolin", "connector: pangolyn")
        checks = await self.look(2)
        self.assertIn("plugin.unknown_connector", checks["configuration"]["what"])
        self.assertEqual(checks["data directory"]["health"], "ok")
        self.setup.config.write_text("version: 1\n", encoding="utf-8")
        self.assertEqual(list(await self.look(2)), ["configuration"])

    async def test_a_certificate_that_ends_soon(self) -> None:
        for days, health in ((10, "warn"), (100, "ok")):
            made = await run([
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-nodes", "-keyout", str(self.folder / "k.pem"), "-out", str(self.folder / "c.pem"),
                "-days", str(days), "-subj", "/CN=x",
            ])  # fmt: skip
            self.assertEqual(made.code, 0, made.err)
            (self.folder / "k.pem").chmod(0o600)
            if days == 10:
                self.edit(LISTEN, LISTEN + "\n  tls: { certificate: c.pem, key: k.pem }")
            check = (await self.look())["tls"]
            self.assertEqual(check["health"], health)
            self.assertRegex(check["what"], f"({days - 1}|{days}) more days$")

    async def test_a_directory_of_somebody_else(self) -> None:
        ended = await self.as_nobody()
        self.assertEqual(ended.code, 3, ended.out + ended.err)
        self.assertRegex(ended.out, r"(?m)^fail  data directory .* can't write to ")

    async def as_nobody(self) -> Ended:
        command = self.setup.command("doctor")
        self.setup.data_dir.chmod(0o500)
        if os.geteuid() == 0:
            # The folder of the test is private to root, and so is perhaps the way to the binary.
            self.folder.chmod(0o755)
            binary = self.folder / "syncline"
            await asyncio.to_thread(shutil.copy, self.setup.binary, binary)
            command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--"]
            command += [str(binary), "doctor", "-c", str(self.setup.config)]
        return await run(command, {KEY_VARIABLE: KEY})


if __name__ == "__main__":
    unittest.main()
