#!/usr/bin/python3
"""The vault as an operator meets it: values go in and are used, and nobody sees one again."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import pty
import re
import shutil
import unittest
from pathlib import Path

from support import KEY, ROUTE, WAIT_S, Ended, HubTest, dmp, run

CANARY = "canary-5f0c7e-not-to-be-seen"
SECOND = """  second:
    from: { account: acme-dmp, stream: audience_memberships }
    to: { account: plain, stream: audience_memberships }
    triggers:
      webhook:
        name: second
        verify:
          - { scheme: hmac, preset: mapp, key: second }
"""


class SecretsTest(HubTest):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.key_file = self.folder / "keys/master.key"
        self.key_file.parent.mkdir()
        self.edit("hub:\n", f"hub:\n  vault: {{ key_file: {self.key_file} }}\n")

    @property
    def vault(self) -> Path:
        return self.setup.data_dir / "vault/secrets"

    async def secrets(
        self, *words: str, given: str = "", environment: dict[str, str] | None = None
    ) -> Ended:
        return await run(
            self.setup.command("secrets", *words), environment, stdin=given
        )

    async def made(self, *words: str, given: str = "") -> Ended:
        ended = await self.secrets(*words, given=given)
        self.assertEqual(ended.code, 0, ended.err)
        return ended

    async def refused(self, code: str, *words: str, given: str = "", **environment: str) -> str:
        ended = await self.secrets(*words, given=given, environment=environment)
        self.assertNotEqual(ended.code, 0, ended.out)
        self.assertIn(f"{code}: ", ended.err)
        return ended.err

    def use_vault(self) -> None:
        """The webhook's key and the platform's address come from the vault; another connection
        needs neither."""
        self.edit('"${ACME_DMP_KEY}"', '"${secret:webhook.key}"')
        url = f'"http://127.0.0.1:{self.pangolin_port}"'
        plain = f"  plain:\n    connector: pangolin\n    settings: {{ base_url: {url} }}\n"
        text = self.setup.config.read_text(encoding="utf-8").replace(url, '"${secret:url}"', 1)
        text = text.replace("connections:\n", f"{plain}connections:\n", 1)
        self.setup.config.write_text(text + SECOND, encoding="utf-8")

    async def fill_vault(self) -> None:
        await self.made("init")
        await self.fill()

    async def fill(self) -> None:
        await self.made("set", "webhook.key", given=CANARY)
        await self.made("set", "url", given=f"http://127.0.0.1:{self.pangolin_port}\n")

    def assert_unseen(self, *texts: str) -> None:
        for text in texts:
            self.assertNotIn(CANARY, text)
        for file in self.folder.rglob("*"):
            if file.is_file():
                self.assertNotIn(CANARY.encode(), file.read_bytes(), file)

    async def test_what_is_stored_is_used_and_never_seen_again(self) -> None:
        """[G5]"""
        self.use_vault()
        made = await self.made("init")
        self.assertIn(str(self.key_file), made.out)
        self.assertEqual(self.key_file.stat().st_mode & 0o777, 0o400)
        self.assertEqual(self.vault.stat().st_mode & 0o777, 0o600)
        await self.fill()
        listed = await self.made("list")
        self.assertIn("webhook.key  version 1", listed.out)
        hub = await self.start()
        self.assertEqual((await self.send(hub, ["u1"], key=CANARY)).status, 200)
        refused = await self.send(hub, ["u2"], key="another")
        self.assertEqual(refused.status, 401)
        await self.settled()
        self.assertEqual(await self.members(), ["u1"])
        verbs = (["status"], ["doctor"], ["dlq", "list"])
        told = [await self.syncline(*verb, "--json") for verb in verbs]
        await self.stop(hub)
        self.assert_unseen(
            listed.out,
            refused.body.decode(),
            hub.child.last_words(),
            *[said.out + said.err for said in told],
        )

    async def test_a_running_hub_takes_another_value_and_never_loses_one(self) -> None:
        self.use_vault()
        await self.fill_vault()
        hub = await self.start()
        self.assertEqual((await self.send(hub, ["u1"], key=CANARY)).status, 200)
        await self.made("set", "webhook.key", given="another key")
        lines = (await self.result("reload"))["lines"]
        self.assertEqual(lines, [f"webhook {ROUTE}: changed"])
        self.assertEqual((await self.send(hub, ["u2"], key=CANARY)).status, 401)
        self.assertEqual((await self.send(hub, ["u2"], key="another key")).status, 200)
        # What works goes on when the vault does not open any more.
        hidden = self.key_file.with_suffix(".hidden")
        self.key_file.rename(hidden)
        refused = await self.syncline("reload")
        self.assertEqual(refused.code, 2)
        self.assertIn("app.secret_closed: a secret of the account pangolin", refused.err)
        self.assertEqual((await self.send(hub, ["u3"], key="another key")).status, 200)
        hidden.rename(self.key_file)
        self.assertEqual((await self.result("reload"))["lines"], [])
        await self.settled()
        self.assertEqual(sorted(await self.members()), ["u1", "u2", "u3"])
        await self.stop(hub)

    async def test_what_waits_for_the_vault_goes_on_when_it_is_there(self) -> None:
        self.use_vault()
        await self.fill_vault()
        hidden = self.key_file.with_suffix(".hidden")
        self.key_file.rename(hidden)
        hub = await self.start()
        self.assertEqual((await self.send(hub, ["u1"], key=CANARY)).status, 503)
        self.assertIn("account pangolin", (await self.result("status"))["sealed"])
        self.assertEqual((await self.result("reload"))["lines"], [])
        hidden.rename(self.key_file)
        await self.result("reload")
        self.assertEqual((await self.result("status"))["sealed"], [])
        self.assertEqual((await self.send(hub, ["u1"], key=CANARY)).status, 200)
        await self.settled()
        self.assertEqual(await self.members(), ["u1"])
        await self.stop(hub)

    async def test_the_memory_of_secrets_is_protected(self) -> None:
        """[G10]"""
        hub = await self.start()
        process = Path(f"/proc/{hub.child.pid}")
        limits = (process / "limits").read_text(encoding="utf-8")
        self.assertRegex(limits, r"Max core file size +0 +0 ")
        locked = re.search(r"VmLck:\s+(\d+) kB", (process / "status").read_text(encoding="utf-8"))
        assert locked is not None
        self.assertGreaterEqual(int(locked[1]), 1024)
        await self.stop(hub)

    async def test_a_hub_without_its_master_key_keeps_what_it_can(self) -> None:
        """[G6]"""
        self.use_vault()
        await self.fill_vault()
        before = self.vault.read_bytes()
        away = self.key_file.rename(self.key_file.with_suffix(".away"))
        for what, code, exit_code in (
            ("missing", "config.file_missing", 2),
            ("wrong", "secret.master_key_wrong", 3),
        ):
            with self.subTest(what):
                if what == "wrong":
                    self.key_file.write_text("ab" * 32 + "\n", encoding="utf-8")
                    self.key_file.chmod(0o400)
                hub = await self.start()
                # Who sends can't be told from anyone else: nothing is taken, nothing is lost.
                answer = await self.send(hub, ["u1"], key=CANARY)
                self.assertEqual(answer.status, 503)
                self.assertEqual(answer.json()["code"], "intake.route_sealed")
                self.assertEqual(answer.headers["retry-after"], "60")
                # What needs no sealed secret goes on.
                body = dmp.Batch("b", True, [f"plain-{what}"]).body("A")
                headers = {"X-HMAC": dmp.sign("second", body)}
                self.assertEqual((await self.post(hub, body, headers, "/hooks/second")).status, 200)
                await self.arrived("b", f"plain-{what}")
                status = await self.result("status")
                self.assertEqual(status["sealed"], ["account pangolin", "webhook acme-dmp"])
                self.assertIn("account pangolin waits", (await self.syncline("status")).out)
                doctor = await self.syncline("doctor")
                self.assertEqual(doctor.code, exit_code)
                self.assertIn(code, doctor.out)
                self.assertIn(code, (await self.syncline("validate")).out)
                await self.stop(hub)
                self.assertIn(code, hub.child.last_words())
                self.assertEqual(self.vault.read_bytes(), before)
        self.key_file.unlink()
        away.rename(self.key_file)
        hub = await self.start()
        self.assertEqual((await self.send(hub, ["u1"], key=CANARY)).status, 200)
        await self.arrived("a", "u1")
        await self.stop(hub)

    async def test_records_for_a_sealed_account_wait_for_its_key(self) -> None:
        """[G6] What the hub can verify it takes, even when it can't deliver it now."""
        url = f'"http://127.0.0.1:{self.pangolin_port}"'
        self.edit(url, '"${secret:url}"')
        await self.fill_vault()
        away = self.key_file.rename(self.key_file.with_suffix(".away"))
        hub = await self.start()
        self.assertEqual((await self.send(hub, ["u1"])).status, 200)
        ledger = await self.until(
            "the record waits", lambda ledger: ledger["connection"].get("pending") == 1
        )
        self.assertTrue(ledger["balanced"])
        await self.stop(hub)
        away.rename(self.key_file)
        hub = await self.start()
        await self.settled()
        self.assertEqual(await self.members(), ["u1"])
        await self.stop(hub)

    async def arrived(self, audience: str, user: str) -> None:
        async with asyncio.timeout(WAIT_S):
            while user not in await self.members(audience):
                await asyncio.sleep(0.02)

    async def test_a_damaged_secret_is_named_and_harms_no_other(self) -> None:
        """[G7]"""
        self.use_vault()
        await self.fill_vault()
        text = self.vault.read_bytes()
        place = text.index(b'"sealed":"', text.index(b'"name":"webhook.key"')) + 20
        other = b"1" if text[place : place + 1] == b"0" else b"0"
        self.vault.write_bytes(text[:place] + other + text[place + 1 :])
        listed = await self.made("list")
        self.assertIn("warning: secret.damaged: the secret `webhook.key` is damaged", listed.out)
        self.assertIn("webhook.key  DAMAGED", listed.out)
        hub = await self.start()
        self.assertEqual((await self.send(hub, ["u1"], key=CANARY)).status, 503)
        self.assertEqual((await self.result("status"))["sealed"], ["webhook acme-dmp"])
        await self.stop(hub)
        await self.refused("secret.vault_damaged", "rotate")
        await self.made("set", "webhook.key", given=CANARY)
        hub = await self.start()
        self.assertEqual((await self.send(hub, ["u1"], key=CANARY)).status, 200)
        await self.arrived("a", "u1")
        await self.stop(hub)

    async def test_an_older_vault_is_noticed(self) -> None:
        """[G7]"""
        await self.fill_vault()
        before = self.vault.read_bytes()
        await self.made("remove", "url")
        self.vault.write_bytes(before)
        self.assertIn("secret.vault_rolled_back", (await self.made("list")).out)
        await self.refused("secret.vault_rolled_back", "set", "url", given="x")
        await self.made("rotate")
        self.assertNotIn("warning", (await self.made("list")).out)

    async def test_keys_are_exchanged_and_the_values_stay(self) -> None:
        self.use_vault()
        await self.fill_vault()
        await self.made("rotate")
        new = self.key_file.with_suffix(".new")
        await self.made("rekey", "--key-file", str(new))
        await self.refused("secret.master_key_wrong", "list")
        new.replace(self.key_file)
        await self.made("rekey", "--passphrase", given="correct horse battery staple\n")
        self.key_file.unlink()
        self.key_file.write_text("correct horse battery staple\n", encoding="utf-8")
        self.key_file.chmod(0o600)
        hub = await self.start()
        self.assertEqual((await self.send(hub, ["u1"], key=CANARY)).status, 200)
        await self.arrived("a", "u1")
        await self.stop(hub)

    async def test_every_refusal_has_its_code(self) -> None:
        await self.refused("secret.vault_missing", "list")
        await self.refused(
            "secret.master_key_invalid", "init", "--key-file", str(self.setup.data_dir / "key")
        )
        await self.made("init")
        await self.refused("secret.vault_exists", "init")
        await self.refused("secret.name_invalid", "set", "a b", given="x")
        await self.refused("secret.value_invalid", "set", "a")
        await self.refused("secret.value_invalid", "set", "a", given="x" * 65_537)
        await self.refused("secret.unknown", "remove", "a")
        await self.refused("app.bad_argument", "rekey")
        await self.refused("secret.vault_failed", "rekey", "--key-file", str(self.key_file))
        with (self.vault.parent / "lock").open("r+b") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            await self.refused("secret.vault_busy", "set", "a", given="x")
            await self.made("list")
        whole = self.vault.read_bytes()
        self.vault.write_bytes(b"\n" + whole[40:60])
        await self.refused("secret.vault_damaged", "list")
        self.vault.write_bytes(whole)
        self.key_file.chmod(0o644)
        await self.refused("config.file_mode", "list")
        self.key_file.chmod(0o400)
        self.edit(f"  vault: {{ key_file: {self.key_file} }}\n", "")
        await self.refused("secret.master_key_missing", "list")
        key = self.key_file.read_text(encoding="utf-8").strip()
        ended = await self.secrets("list", environment={"SYNCLINE_MASTER_KEY": key})
        self.assertEqual(ended.code, 0, ended.err)
        await self.refused("secret.master_key_invalid", "list", SYNCLINE_MASTER_KEY="x")
        shutil.copy(self.key_file, self.folder / "syncline-master-key")
        ended = await self.secrets("list", environment={"CREDENTIALS_DIRECTORY": str(self.folder)})
        self.assertEqual(ended.code, 0, ended.err)

    async def test_what_is_typed_is_not_shown(self) -> None:
        await self.made("init")
        pid, terminal = pty.fork()
        if pid == 0:
            command = self.setup.command("secrets", "set", "typed")
            os.execv(command[0], command)
        shown = b""
        while b"(not shown): " not in shown:
            shown += os.read(terminal, 4096)
        os.write(terminal, CANARY.encode() + b"\n")
        while b"Stored" not in shown:
            shown += os.read(terminal, 4096)
        self.assertEqual(os.waitpid(pid, 0)[1], 0)
        os.close(terminal)
        self.assertIn(b"Value of typed (not shown): ", shown)
        self.assertNotIn(CANARY.encode(), shown)
        names = json.loads((await self.made("list", "--json")).out)["result"]["secrets"]
        self.assertEqual([s["name"] for s in names], ["typed"])


if __name__ == "__main__":
    unittest.main()
