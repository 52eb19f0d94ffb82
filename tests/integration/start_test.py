#!/usr/bin/python3
"""What keeps a hub from starting: one message, exit code 3, and nothing is harmed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import unittest
from pathlib import Path

from support import KEY, KEY_VARIABLE, NOBODY, Ended, HubTest, run


class StartTest(HubTest):
    def check_refused(self, ended: Ended, code: str) -> None:
        """Exit code 3 and the reason as the last and only message that is no log line."""
        self.assertEqual(ended.code, 3, ended.err)
        self.assertEqual(ended.out, "")
        messages = [line for line in ended.err.splitlines() if not line.startswith("{")]
        self.assertEqual(len(messages), 1, ended.err)
        self.assertIn(code, messages[0])

    async def test_a_taken_port_is_one_message_and_leaves_the_data_usable(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            self.edit('listen: "127.0.0.1:0"', f'listen: "127.0.0.1:{port}"')
            ended = await self.syncline("run")
            self.check_refused(ended, f"http_server.address_in_use: can't listen on 127.0.0.1:{port}")
        self.assertFalse((self.setup.data_dir / "admin.sock").exists())
        hub = await self.start()
        self.assertEqual((await self.send(hub, ["u1"])).status, 200)
        await self.settled()
        self.assertEqual(await self.members(), ["u1"])
        await self.stop(hub)

    async def test_a_second_hub_names_the_first_and_leaves_it_alone(self) -> None:
        hub = await self.start()
        staged = sorted((self.setup.data_dir / "connectors").iterdir())
        self.check_refused(await self.syncline("run"), "store.in_use")
        ended = await self.syncline("run")
        # setpriv becomes the hub: the child's pid is the hub's.
        self.assertIn(f"is in use by process {hub.child.pid}", ended.err)
        self.assertEqual(sorted((self.setup.data_dir / "connectors").iterdir()), staged)
        self.assertEqual((await self.send(hub, ["u1"])).status, 200)
        await self.settled()
        self.assertEqual(await self.members(), ["u1"])
        await self.stop(hub)

    async def test_a_data_directory_that_can_not_be_written(self) -> None:
        self.setup.data_dir.chmod(0o555)
        command = self.setup.command("run")
        if os.geteuid() == 0:
            # The folder of the test is private to root, and so is perhaps the way to the binary.
            self.folder.chmod(0o755)
            binary = self.folder / "syncline"
            shutil.copy(self.setup.binary, binary)
            command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--"]
            command += [str(binary), "run", "-c", str(self.setup.config)]
            shutil.chown(self.setup.data_dir, NOBODY, NOBODY)
        ended = await run(command, {KEY_VARIABLE: KEY})
        self.check_refused(ended, "store.directory_unusable")
        self.assertIn(str(self.setup.data_dir), ended.err)
        self.assertEqual(list(self.setup.data_dir.iterdir()), [])

    async def test_a_connectors_directory_that_is_not_there(self) -> None:
        shutil.rmtree(self.setup.connectors_dir)
        self.check_refused(await self.syncline("run"), "plugin.directory_unreadable")

    async def test_without_libcurl_it_ends_and_doctor_says_why(self) -> None:
        """It is loaded behind the ready line, so that webhooks need not wait for it."""
        elsewhere = self.folder / "libraries"
        elsewhere.mkdir()
        (elsewhere / "libcurl.so.4").write_bytes(b"this is no library" * 100)
        environment = {"LD_LIBRARY_PATH": str(elsewhere)}
        ended = await self.syncline("run", environment=environment)
        self.assertEqual(ended.code, 3, ended.err)
        last = json.loads(ended.err.splitlines()[-1])
        self.assertEqual(
            (last["level"], last["channel"], last["code"]),
            ("error", "app", "http_client.library_missing"),
        )
        self.assertIn("libcurl.so.4", last["message"])
        doctor = await self.syncline("doctor", environment=environment)
        self.assertEqual(doctor.code, 3)
        self.assertIn("fail  libcurl", doctor.out)
        self.assertIn("install libcurl 4", doctor.out)
        self.assertEqual((await self.syncline("validate", environment=environment)).code, 0)
        self.assertIn("ok    libcurl", (await self.syncline("doctor")).out)

    async def test_refused_files_do_not_keep_the_hub_from_starting(self) -> None:
        connectors = self.setup.connectors_dir
        (connectors / "garbage.so").write_bytes(b"this is no library" * 100)
        (connectors / "empty.so").write_bytes(b"")
        (connectors / "link.so").symlink_to(connectors / "pangolin.so")
        writable = connectors / "writable.so"
        shutil.copy(connectors / "mapp-dmp.so", writable)
        writable.chmod(0o666)
        hub = await self.start()
        listed = await self.result("connectors", "list")
        self.assertEqual([c["id"] for c in listed["connectors"]], ["mapp-dmp", "pangolin"])
        refused = {Path(refusal["file"]).name: refusal for refusal in listed["refused"]}
        self.assertEqual(sorted(refused), ["empty.so", "garbage.so", "link.so", "writable.so"])
        for refusal in refused.values():
            self.assertTrue(refusal["code"].startswith("plugin."), refusal)
            self.assertTrue(refusal["what"], refusal)
        text = await self.syncline("connectors", "list")
        self.assertIn("4 files refused", text.out)
        self.assertEqual((await self.send(hub, ["u1"])).status, 200)
        await self.settled()
        await self.stop(hub)

    async def test_the_admin_socket_is_private_and_goes_with_the_hub(self) -> None:
        """[G1]"""
        hub = await self.start()
        status = hub.admin_socket.stat()
        self.assertTrue(stat.S_ISSOCK(status.st_mode))
        self.assertEqual(stat.S_IMODE(status.st_mode), 0o600)
        for private in ("bodies", "journal", "state"):
            self.assertEqual(
                stat.S_IMODE((self.setup.data_dir / private).stat().st_mode), 0o700, private
            )
        await self.stop(hub)
        self.assertFalse(hub.admin_socket.exists())
        hub = await self.start()
        await hub.child.end(signal.SIGKILL)
        self.assertTrue(hub.admin_socket.exists())  # stale; the next start replaces it
        await self.stop(await self.start())


if __name__ == "__main__":
    unittest.main()
