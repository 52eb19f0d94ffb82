#!/usr/bin/python3
"""Accounts with OAuth 2.0: one token for all, a refused one is renewed, and what needs a person waits."""

from __future__ import annotations

import asyncio
import json
import shutil
import unittest
from collections.abc import Callable
from typing import Any

from support import BINARY, WAIT_S, HubTest, RunningHub, run
from syncline_tools.http_load import HttpConnection
from syncline_tools.http_service import Reply
from syncline_tools.token_server import TokenPlatform

CONNECTORS = BINARY.resolve().parent.parent / "connectors"
CONFIG = """\
version: 1
hub:
  data_dir: {folder}/data
  connectors_dir: {folder}/connectors
  listen: 127.0.0.1:0
  vault: {{ key_file: {folder}/master.key }}
accounts:
  shop: {{ connector: webhook, settings: {{ key: /id }} }}
  crm:
    connector: http
    settings: {{ url: "{url}/users" }}
    auth: {{ scheme: oauth2, token_url: "{url}/token", client_id: hub, client_secret: "a secret", {auth} }}
connections:
  people:
    from: {{ account: shop, stream: records }}
    to: {{ account: crm, stream: records }}
    triggers: {{ webhook: {{ name: shop, verify: none }} }}
    deliver: {deliver}
  again:
    from: {{ account: shop, stream: records }}
    to: {{ account: crm, stream: records }}
    triggers: {{ webhook: {{ name: shop }} }}
    deliver: {deliver}
"""
REFRESH = "grant: refresh_token, refresh_token: first-refresh-token"
CLIENT = "grant: client_credentials"
ASSERTION = (
    "grant: jwt_bearer, "
    "assertion: { algorithm: HS256, key: a-key-of-thirty-two-bytes-or-more, subject: someone }"
)
DELIVER = "{ batch_wait_ms: 10, attempts_max: 1, retry_base_ms: 50 }"


class OAuthTest(HubTest):
    def prepare(self, **deliver: int) -> None:
        self.setup.data_dir.mkdir()
        self.setup.connectors_dir.mkdir()

    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.platform = TokenPlatform()
        await self.platform.service.start("127.0.0.1", 0)
        self.addAsyncCleanup(self.platform.service.stop)
        for file in CONNECTORS.glob("*.so"):
            shutil.copy(file, self.setup.connectors_dir)

    def configure(self, auth: str, deliver: str = DELIVER) -> None:
        text = CONFIG.format(folder=self.folder, url=self.platform.url, auth=auth, deliver=deliver)
        self.setup.config.write_text(text, encoding="utf-8")

    async def make_vault(self) -> None:
        made = await run(
            self.setup.command("secrets", "init", "--key-file", str(self.folder / "master.key"))
        )
        self.assertEqual(made.code, 0, made.err)

    async def begin(self, auth: str, deliver: str = DELIVER) -> RunningHub:
        self.configure(auth, deliver)
        await self.make_vault()
        return await self.start()

    async def give(self, hub: RunningHub, *ids: str) -> None:
        connection = HttpConnection("127.0.0.1", hub.port)
        for record in ids:
            body = json.dumps({"id": record}).encode()
            headers = {"Content-Type": "application/json"}
            answer = await connection.request("POST", "/hooks/shop", body, headers, WAIT_S)
            self.assertEqual(answer.status, 202)
        connection.close()

    async def wait(self, what: str, holds: Callable[[], bool]) -> None:
        try:
            async with asyncio.timeout(WAIT_S):
                while not holds():
                    await asyncio.sleep(0.02)
        except TimeoutError:
            self.fail(f"{what}: not within {WAIT_S:.0f} s; {self.platform.requests}")

    async def status(self) -> Any:
        return await self.result("status")

    async def until_state(self, state: str) -> Any:
        async with asyncio.timeout(WAIT_S):
            while True:
                crm = (await self.status())["accounts"]["crm"]
                if crm["state"] == state:
                    return crm
                await asyncio.sleep(0.05)

    async def admin(self, hub: RunningHub, method: str, path: str) -> tuple[int, str]:
        reader, writer = await asyncio.open_unix_connection(str(hub.admin_socket))
        writer.write(f"{method} {path} HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n"
                     "Content-Length: 0\r\n\r\n".encode())
        head, _, body = (await asyncio.wait_for(reader.read(), WAIT_S)).partition(b"\r\n\r\n")
        writer.close()
        return int(head.split()[1]), body.decode()

    async def test_all_connections_of_an_account_share_its_token(self) -> None:
        """[C14]"""
        hub = await self.begin(REFRESH)
        ids = [f"u{number}" for number in range(50)]
        await self.give(hub, *ids)
        await self.wait("all is delivered", lambda: len(self.platform.delivered) == 100)
        self.assertEqual(self.platform.token_requests, 1)
        self.assertEqual(sorted(self.platform.delivered), sorted(2 * ids))
        self.assertEqual((await self.status())["accounts"], {"crm": {"state": "authorised"}})
        await self.stop(hub)
        # The one that came is kept: the next start goes on with it.
        hub = await self.start()
        await self.give(hub, "later")
        await self.wait("it is delivered", lambda: len(self.platform.delivered) == 102)
        self.assertEqual((self.platform.token_requests, self.platform.reused), (2, 0))
        listed = await run(self.setup.command("secrets", "list"))
        self.assertIn("refresh_token.crm", listed.out)
        await self.stop(hub)
        for file in (self.setup.data_dir / "journal").iterdir():
            self.assertNotIn(b"access-", file.read_bytes(), file)

    async def test_tokens_outlive_a_reload(self) -> None:
        """[C14] Other settings keep the token; other credentials go on with the refresh token that is kept."""
        hub = await self.begin(REFRESH)
        await self.give(hub, "u1")
        await self.wait("it is delivered", lambda: len(self.platform.delivered) == 2)
        self.configure(REFRESH, DELIVER.replace("10", "20"))
        text = self.setup.config.read_text(encoding="utf-8")
        self.setup.config.write_text(text.replace("/users", "/users?a=b"), encoding="utf-8")
        lines = (await self.result("reload"))["lines"]
        self.assertEqual(
            lines, ["account crm: changed", "connection again: changed", "connection people: changed"]
        )
        await self.give(hub, "u2")
        await self.wait("it is delivered", lambda: len(self.platform.delivered) == 4)
        self.assertEqual(self.platform.token_requests, 1)
        self.configure(REFRESH + ", scope: all")
        await self.result("reload")
        await self.give(hub, "u3")
        await self.wait("it is delivered", lambda: len(self.platform.delivered) == 6)
        self.assertEqual((self.platform.token_requests, self.platform.reused), (2, 0))
        self.assertEqual((await self.status())["accounts"], {"crm": {"state": "authorised"}})
        self.assertEqual((await self.result("dlq", "list"))["letters"], [])
        await self.stop(hub)

    async def test_a_refused_token_is_renewed_and_the_request_repeated(self) -> None:
        """[C14]"""
        hub = await self.begin(CLIENT)
        await self.give(hub, "u1")
        await self.wait("it is delivered", lambda: len(self.platform.delivered) == 2)
        self.platform.withdraw()
        await self.give(hub, *(f"v{number}" for number in range(20)))
        await self.wait("all is delivered", lambda: len(self.platform.delivered) == 42)
        self.assertEqual(self.platform.token_requests, 2)
        self.assertEqual((await self.result("dlq", "list"))["letters"], [])

    async def test_a_second_refusal_is_for_the_connector(self) -> None:
        """[C14]"""
        self.platform.refuses_all = True
        hub = await self.begin(CLIENT)
        await self.give(hub, "u1")
        async with asyncio.timeout(WAIT_S):
            while len((await self.result("dlq", "list"))["letters"]) < 2:
                await asyncio.sleep(0.05)
        self.assertEqual(len(self.platform.requests), 4)  # each connection twice
        letter = (await self.result("dlq", "list"))["letters"][0]
        self.assertIn("401", json.dumps(letter))

    async def test_what_needs_a_person_waits_and_goes_on(self) -> None:
        """[C15]"""
        hub = await self.begin(REFRESH)
        self.platform.authorise()  # elsewhere: the hub's token is none any more
        await self.give(hub, "u1", "u2", "u3")
        crm = await self.until_state("needs_authorisation")
        self.assertIn("invalid_grant", crm["why"])
        await self.give(hub, "u4")
        ledger = (await self.status())["ledger"]["connections"]
        self.assertEqual({name: counts["pending"] for name, counts in ledger.items()},
                         {"people": 4, "again": 4})
        self.assertEqual((await self.result("dlq", "list"))["letters"], [])
        self.assertEqual(self.platform.token_requests, 1)
        told = await self.syncline("status")
        self.assertIn("account crm needs to be authorised anew; its connections wait", told.out)
        doctor = await self.syncline("doctor")
        self.assertIn("account crm", doctor.out)
        self.assertNotEqual(doctor.code, 0)
        _, page = await self.admin(hub, "GET", "/metrics")
        self.assertIn('syncline_account_needs_authorisation{account="crm"} 1', page)
        self.assertIn('syncline_token_requests_total{account="crm",result="refused"} 1', page)
        log = hub.child.err_path.read_text(encoding="utf-8")
        self.assertEqual(log.count("needs to be authorised anew"), 1, log)

        # What the vault has is no better: it is tried once.
        code, body = await self.admin(hub, "POST", "/v1/accounts/crm/authorisation")
        self.assertEqual(code, 200, body)
        self.assertEqual(json.loads(body)["result"], {"account": "crm", "state": "authorised"})
        await self.until_state("needs_authorisation")
        self.assertEqual(self.platform.token_requests, 2)

        stored = await run(self.setup.command("secrets", "set", "refresh_token.crm"),
                           stdin=self.platform.authorise())
        self.assertEqual(stored.code, 0, stored.err)
        code, body = await self.admin(hub, "POST", "/v1/accounts/crm/authorisation")
        self.assertEqual(code, 200, body)
        await self.wait("all is delivered", lambda: len(self.platform.delivered) == 8)
        self.assertEqual(sorted(self.platform.delivered), sorted(2 * ["u1", "u2", "u3", "u4"]))
        await self.until_state("authorised")
        self.assertEqual((await self.result("dlq", "list"))["letters"], [])

    async def test_the_operators_api_says_what_it_does_not_know(self) -> None:
        hub = await self.begin(REFRESH)
        path = "/v1/accounts/{}/authorisation"
        self.assertEqual((await self.admin(hub, "POST", path.format("shop")))[0], 404)
        self.assertEqual((await self.admin(hub, "POST", path.format("nobody")))[0], 404)
        self.assertEqual((await self.admin(hub, "GET", path.format("crm")))[0], 405)
        self.assertEqual((await self.admin(hub, "POST", "/v1/accounts/crm"))[0], 404)

    async def test_another_initial_token_takes_the_place_of_the_kept_one(self) -> None:
        """[C15]"""
        hub = await self.begin(REFRESH)
        await self.give(hub, "u1")
        await self.wait("it is delivered", lambda: len(self.platform.delivered) == 2)
        await self.stop(hub)
        consent = self.platform.authorise()
        self.configure(REFRESH.replace("first-refresh-token", consent))
        hub = await self.start()
        await self.give(hub, "u2")
        await self.wait("it is delivered", lambda: len(self.platform.delivered) == 4)
        await self.stop(hub)
        hub = await self.start()  # and is not taken again
        await self.give(hub, "u3")
        await self.wait("it is delivered", lambda: len(self.platform.delivered) == 6)
        self.assertEqual(self.platform.reused, 0)

    async def test_a_clean_end_loses_no_refresh_token(self) -> None:
        """[C15]"""
        self.platform.token_delay_s = 1.0
        hub = await self.begin(REFRESH)
        await self.give(hub, "u1")
        await self.wait("the endpoint is asked", lambda: self.platform.token_requests == 1)
        await self.stop(hub)
        hub = await self.start()
        await self.give(hub, "u2")
        await self.wait("all is delivered", lambda: len(set(self.platform.delivered)) == 2)
        self.assertEqual(self.platform.reused, 0)

    async def test_an_endpoint_that_fails_is_asked_again(self) -> None:
        """[C16]"""
        answers = [Reply(500, b"oh"), Reply(200, b"<html>"), Reply(drop=True)]
        self.platform.instead = lambda _: answers.pop() if answers else None
        hub = await self.begin(CLIENT)
        await self.give(hub, "u1")
        await self.wait("it is delivered", lambda: len(self.platform.delivered) == 2)
        self.assertEqual(self.platform.token_requests, 4)
        self.assertEqual((await self.result("dlq", "list"))["letters"], [])

    async def test_a_server_whose_clock_is_off_gets_assertions_of_its_own_time(self) -> None:
        """[C17]"""
        for ahead_s in (-600.0, 600.0):
            with self.subTest(ahead_s=ahead_s):
                self.platform.clock_is_ahead_s = ahead_s
                self.platform.token_requests = 0
                self.configure(ASSERTION)
                hub = await self.start()
                before = len(self.platform.delivered)
                await self.give(hub, f"at {ahead_s}")
                await self.wait("it is delivered", lambda: len(self.platform.delivered) == before + 2)
                self.assertEqual(self.platform.token_requests, 2)
                await self.stop(hub)

    async def test_without_the_vaults_key_the_account_waits(self) -> None:
        """[C15]"""
        self.configure(REFRESH)
        await self.make_vault()
        (self.folder / "master.key").rename(self.folder / "elsewhere.key")
        hub = await self.start()
        await self.give(hub, "u1")
        crm = await self.until_state("needs_authorisation")
        self.assertIn("master.key", crm["why"])
        self.assertEqual(self.platform.token_requests, 0)
        (self.folder / "elsewhere.key").rename(self.folder / "master.key")
        code, body = await self.admin(hub, "POST", "/v1/accounts/crm/authorisation")
        self.assertEqual(code, 200, body)
        await self.wait("it is delivered", lambda: len(self.platform.delivered) == 2)


if __name__ == "__main__":
    unittest.main()
