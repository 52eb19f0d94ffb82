#!/usr/bin/python3
"""`syncline auth login` with a provider of others, a scripted browser, and whoever else calls."""

from __future__ import annotations

import asyncio
import base64
import html.parser
import http.client
import http.cookiejar
import json
import shutil
import signal
import unittest
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from login_case import LoginCase
from support import WAIT_S
from syncline_tools.http_service import HttpService, Reply, Request

SECRET = "s e/cret"
NAME = "refresh_token.pangolin"


class Form(html.parser.HTMLParser):
    """The first form of a page: where it goes, and what it has."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self.links: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        about = {name: value or "" for name, value in attrs}
        if tag == "form" and not self.action:
            self.action = about["action"]
        elif tag == "input":
            self.fields[about["name"]] = about.get("value", "")
        elif tag == "a":
            self.links.append(about.get("href", ""))


class Browser:
    """Follows redirects, keeps cookies, fills in forms."""

    def __init__(self, *handlers: urllib.request.BaseHandler) -> None:
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), jar, *handlers)

    def open(self, url: str, form: dict[str, str] | None = None) -> tuple[int, str, str]:
        """Status, the address that it ended at, and the page."""
        body = urllib.parse.urlencode(form).encode() if form else None
        try:
            answer = self.opener.open(url, body, timeout=WAIT_S)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            return answer.status, answer.url, answer.read().decode()

    def log_in(self, url: str, consents: bool = True) -> tuple[int, str, str]:
        """Through the provider's pages, to where it sends the browser back."""
        status, at, page = self.open(url)
        for _ in range(5):
            form = Form(page)
            if "/interaction/" not in at or not form.action:
                break
            if "login" in form.fields:
                form.fields |= {"login": "ann", "password": "any"}
            elif not consents:
                abort = next(link for link in form.links if link.endswith("/abort"))
                return self.open(urllib.parse.urljoin(at, abort))
            status, at, page = self.open(urllib.parse.urljoin(at, form.action), form.fields)
        return status, at, page


class LoginTest(LoginCase):
    async def browse(self, url: str, consents: bool = True) -> tuple[int, str, str]:
        return await asyncio.to_thread(Browser().log_in, url, consents)

    async def stored(self) -> str:
        """The token that lies in the vault: nothing shows it, but the hub uses it where it is told to. Behind it stands
        what it goes back to."""
        seen: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def handle(request: Request) -> Reply:
            if not seen.done():
                seen.set_result(request.headers.get("x-probe", ""))
            return Reply(200, b"{}")

        service = HttpService(handle)
        await service.start("127.0.0.1", 0)
        self.addAsyncCleanup(service.stop)
        text = self.setup.config.read_text(encoding="utf-8")
        begin = text.index("auth: {")
        end = text.index("settings:", begin)
        auth = f'auth: {{ scheme: api_key, header: X-Probe, key: "${{secret:{NAME}}}" }}, '
        text = text[:begin] + auth + text[end:]
        text = text.replace(f"127.0.0.1:{self.pangolin_port}", f"127.0.0.1:{service.port}")
        self.setup.config.write_text(text, encoding="utf-8")
        hub = await self.start()
        await self.send(hub, ["ann"])
        async with asyncio.timeout(WAIT_S):
            token = (await seen).split()[0]
        await hub.child.end(signal.SIGKILL)
        return token

    def refresh(self, token: str) -> dict[str, Any]:
        form = {"grant_type": "refresh_token", "client_id": "public", "refresh_token": token}
        status, _, page = Browser().open(f"{self.issuer}/token", form)
        self.assertEqual(status, 200, page)
        answer: dict[str, Any] = json.loads(page)
        return answer

    async def test_a_person_consents_and_the_vault_has_a_refresh_token(self) -> None:
        for client in (
            "client_id: public, proof: none",
            'client_id: basic, client_secret: "${secret:client}"',
            'client_id: post, client_secret: "${secret:client}", proof: parameter',
        ):
            with self.subTest(client=client):
                self.prepare()
                shutil.rmtree(self.setup.data_dir / "vault", ignore_errors=True)
                key_file = self.folder / f"keys/{len(client)}.key"
                self.edit("hub:\n", f"hub:\n  vault: {{ key_file: {key_file} }}\n")
                self.configure(client)
                await self.made("secrets", "init")
                await self.made("secrets", "set", "client", given=SECRET)
                login = await self.begin("--no-browser", "--json")
                self.assertEqual(login.asked["code_challenge_method"], "S256")
                self.assertEqual(len(login.asked["code_challenge"]), 43)
                self.assertGreaterEqual(len(login.asked["state"]), 43)
                status, at, page = await self.browse(login.url)
                self.assertTrue(at.startswith(login.back), at)
                self.assertEqual(status, 200, page)
                self.assertIn("The account is authorised", page)
                ended = await login.ended()
                self.assertEqual(ended.code, 0, ended.err)
                self.assertEqual(
                    ended.json()["result"],
                    {"account": "pangolin", "secret": NAME, "hub": "not running"},
                )
                self.assertIn(NAME, await self.names())

    async def test_the_token_that_is_stored_refreshes_and_rotates(self) -> None:
        self.configure()
        await self.made("secrets", "init")
        login = await self.begin("--no-browser")
        url = await asyncio.to_thread(self.answer_of, login.url)
        # Whoever has no way to this machine pastes the address.
        ended = await login.ended(f"{url}\n")
        self.assertEqual(ended.code, 0, ended.err)
        token = await self.stored()
        answer = await asyncio.to_thread(self.refresh, token)
        self.assertTrue(answer["access_token"])
        self.assertNotEqual(answer["refresh_token"], token)
        for said in (ended.out, ended.err):
            self.assertNotIn(token, said)

    async def listen(self) -> asyncio.Queue[str]:
        """A platform in Pangolin's place; the access token of each request that it gets."""
        seen: asyncio.Queue[str] = asyncio.Queue()

        def handle(request: Request) -> Reply:
            seen.put_nowait(request.headers.get("authorization", "").removeprefix("Bearer "))
            return Reply(200, b"{}")

        service = HttpService(handle)
        await service.start("127.0.0.1", 0)
        self.addAsyncCleanup(service.stop)
        self.edit(f"127.0.0.1:{self.pangolin_port}", f"127.0.0.1:{service.port}")
        return seen

    async def is_active(self, token: str, client: str) -> bool:
        """Says the provider."""
        pair = f"{client}:{urllib.parse.quote_plus(SECRET)}".encode()
        request = urllib.request.Request(
            f"{self.issuer}/token/introspection",
            urllib.parse.urlencode({"token": token}).encode(),
            {"Authorization": "Basic " + base64.b64encode(pair).decode()},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with await asyncio.to_thread(opener.open, request, None, WAIT_S) as answer:
            return bool(json.loads(answer.read())["active"])

    async def test_a_hub_that_was_logged_in_refreshes_and_rotates_across_a_kill(self) -> None:
        self.configure('client_id: basic, client_secret: "${secret:client}"')
        await self.made("secrets", "init")
        await self.made("secrets", "set", "client", given=SECRET)
        login = await self.begin("--no-browser")
        await self.browse(login.url)
        self.assertEqual((await login.ended()).code, 0)
        seen = await self.listen()
        tokens: set[str] = set()
        for user in ("ann", "bob", "cid"):
            hub = await self.start()  # has no access token: what lies in the vault has to be good
            await self.send(hub, [user])
            # What a killed hub had sent and not noted is sent again by the next, with a token of its own: two requests
            # of one hub may be seen.
            async with asyncio.timeout(WAIT_S):
                while (token := await seen.get()) in tokens:
                    pass
            tokens.add(token)
            self.assertTrue(await self.is_active(token, "basic"))
            await hub.child.end(signal.SIGKILL)

    async def test_a_hub_gets_its_own_tokens_with_client_credentials(self) -> None:
        self.edit(
            "  pangolin: { connector: pangolin,",
            "  pangolin: { connector: pangolin, auth: { scheme: oauth2, grant: client_credentials, "
            f'token_url: "{self.issuer}/token", client_id: robot, client_secret: "{SECRET}" }},',
        )
        seen = await self.listen()
        hub = await self.start()
        await self.send(hub, ["ann"])
        async with asyncio.timeout(WAIT_S):
            token = await seen.get()
        self.assertTrue(await self.is_active(token, "robot"))
        await hub.child.end(signal.SIGKILL)

    def answer_of(self, url: str) -> str:
        """The address to which the provider sends a browser that never gets there."""

        class Stop(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *about: Any) -> Any:
                ended = about[-1]
                if "/callback?" in ended:
                    raise StopIteration(ended)
                return super().redirect_request(*about)

        try:
            Browser(Stop()).log_in(url)
        except StopIteration as stopped:
            return str(stopped.value)
        raise AssertionError("the browser was not sent back")

    async def test_without_a_way_back_the_answer_is_pasted(self) -> None:
        self.configure(redirect_url='"https://hub.example/back"')
        await self.made("secrets", "init")
        login = await self.begin("--no-browser")
        self.assertEqual(login.back, "https://hub.example/back")
        self.assertEqual((await login.ended()).code, 2)  # nothing was pasted
        login = await self.begin("--no-browser")
        ended = await login.ended(f"nothing of use?\n{login.back}?error=access_denied&state="
                                  f"{login.asked['state']}&iss={self.issuer}\n")
        self.assertEqual(ended.code, 2)
        self.assertIn("auth.callback_invalid", ended.err)
        self.assertIn("auth.authorisation_refused: the platform answered access_denied", ended.err)
        self.assertEqual(await self.names(), [])

    async def test_who_refuses_is_told_so(self) -> None:
        self.configure()
        await self.made("secrets", "init")
        login = await self.begin("--no-browser")
        status, _, page = await self.browse(login.url, consents=False)
        self.assertEqual(status, 400)
        self.assertIn("The login failed", page)
        self.assertIn("access_denied", page)
        ended = await login.ended()
        self.assertEqual(ended.code, 2)
        self.assertIn("auth.authorisation_refused", ended.err)
        self.assertEqual(await self.names(), [])

    async def test_what_does_not_belong_to_the_login_changes_nothing(self) -> None:
        self.configure()
        await self.made("secrets", "init")
        login = await self.begin("--no-browser")
        state, iss = login.asked["state"], self.issuer
        root = login.back.removesuffix("/callback")
        browser = Browser()
        for url, status in (
            (root + "/favicon.ico", 404),
            (root + "/", 404),
            (login.back, 400),
            (login.answer(code="c", state="other", iss=iss), 400),
            (login.answer(code="c", iss=iss), 400),
            (login.answer(code="c", state=state), 400),
            (login.answer(code="c", state=state, iss="https://evil.example"), 400),
            (login.answer(error="<script>", state="x"), 400),
            (login.answer(code="c" * 20_000, state=state, iss=iss), 414),
        ):
            answer = await asyncio.to_thread(browser.open, url)
            self.assertEqual(answer[0], status, url[:100])
            self.assertNotIn("<script", answer[2])
        posted = await asyncio.to_thread(
            browser.open, login.back, {"code": "c", "state": state, "iss": iss}
        )
        self.assertEqual(posted[0], 405)
        status, _, page = await self.browse(login.url)
        self.assertEqual(status, 200, page)
        self.assertEqual((await login.ended()).code, 0)

    async def test_the_page_has_no_script_and_is_kept_nowhere(self) -> None:
        self.configure()
        await self.made("secrets", "init")
        login = await self.begin("--no-browser")
        back = urllib.parse.urlsplit(login.back)

        def ask() -> tuple[dict[str, str], str]:
            connection = http.client.HTTPConnection(back.hostname or "", back.port, timeout=WAIT_S)
            connection.request("GET", back.path + "?code=c&state=wrong")
            answer = connection.getresponse()
            page = answer.read().decode()
            connection.close()
            return {name.lower(): value for name, value in answer.getheaders()}, page

        headers, page = await asyncio.to_thread(ask)
        self.assertIn("default-src 'none'", headers["content-security-policy"])
        self.assertNotIn("unsafe", headers["content-security-policy"])
        self.assertEqual(headers["cache-control"], "no-store")
        self.assertEqual(headers["referrer-policy"], "no-referrer")
        self.assertNotIn("<script", page)
        self.assertNotIn("http", page)

    async def test_without_a_refresh_token_it_says_what_to_ask_for(self) -> None:
        self.configure("client_id: online, proof: none")
        self.edit("scope: openid offline_access", "scope: openid")
        await self.made("secrets", "init")
        login = await self.begin("--no-browser")
        status, _, page = await self.browse(login.url)
        self.assertEqual(status, 400)
        self.assertIn("no refresh token", page)
        ended = await login.ended()
        self.assertEqual(ended.code, 2)
        self.assertIn("app.no_refresh_token", ended.err)
        self.assertIn("offline_access", ended.err)
        self.assertEqual(await self.names(), [])

    async def test_a_code_that_the_platform_refuses_is_told(self) -> None:
        self.configure()
        await self.made("secrets", "init")
        login = await self.begin("--no-browser")
        url = login.answer(code="forged", state=login.asked["state"], iss=self.issuer)
        status, _, page = await asyncio.to_thread(Browser().open, url)
        self.assertEqual(status, 400)
        self.assertIn("invalid_grant", page)
        ended = await login.ended()
        self.assertEqual(ended.code, 2)
        self.assertIn("auth.grant_refused", ended.err)
        self.assertNotIn("forged", ended.err)

    async def test_what_can_not_be_is_told_before_a_browser_opens(self) -> None:
        self.configure()
        refused = await self.syncline("validate")
        self.assertEqual(refused.code, 2)
        self.assertIn("secret.vault_missing", refused.err)
        for words, code in (
            (("auth", "login", "pangolin"), "secret.vault_missing"),
            (("auth", "login"), "app.bad_argument"),
            (("auth", "login", "pangolin", "--port", "0"), "app.bad_argument"),
        ):
            ended = await self.syncline(*words)
            self.assertEqual(ended.code, 2, ended.out)
            self.assertIn(code, ended.err)
        await self.made("secrets", "init")
        for account in ("nobody", "acme-dmp"):
            ended = await self.syncline("auth", "login", account)
            self.assertEqual(ended.code, 2, ended.out)
            self.assertIn("app.bad_argument", ended.err)

    async def test_the_named_browser_is_opened_without_a_shell(self) -> None:
        self.configure()
        await self.made("secrets", "init")
        script = self.folder / "browser"
        seen = self.folder / "seen"
        script.write_text(f'#!/bin/sh\nprintf %s "$1" > "{seen}.new" && mv "{seen}.new" "{seen}"\n')
        script.chmod(0o755)
        login = await self.begin(BROWSER=str(script))
        async with asyncio.timeout(WAIT_S):
            while not seen.exists():
                await asyncio.sleep(0.02)
        self.assertEqual(seen.read_text(encoding="utf-8"), login.url)
        await self.browse(login.url)
        self.assertEqual((await login.ended()).code, 0)


if __name__ == "__main__":
    unittest.main()
