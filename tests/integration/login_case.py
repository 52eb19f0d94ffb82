"""A hub with an account to log in to, at a provider of others."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import urllib.parse

from support import HERE, WAIT_S, Ended, HubTest

PEERS = HERE.parents[1] / "build/node-peers"
SKIPPED = 77
if not (PEERS / "installed.json").exists() or shutil.which("node") is None:
    print("skipped: tools/node-peers/install has installed nothing below build/node-peers")
    sys.exit(SKIPPED)


class Running:
    """A login that waits."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self.process = process
        self.url = url
        self.asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
        self.back = self.asked["redirect_uri"]

    async def ended(self, pasted: str = "") -> Ended:
        async with asyncio.timeout(WAIT_S):
            out, err = await self.process.communicate(pasted.encode())
        assert self.process.returncode is not None
        return Ended(self.process.returncode, out.decode(), err.decode())

    def answer(self, **parameters: str) -> str:
        return f"{self.back}?{urllib.parse.urlencode(parameters)}"


class LoginCase(HubTest):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        script = str(HERE / "oidc_provider.mjs")
        provider = await asyncio.create_subprocess_exec(
            "node", script, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        self.addAsyncCleanup(self.end, provider)
        assert provider.stdout is not None
        async with asyncio.timeout(WAIT_S):
            self.issuer = (await provider.stdout.readline()).decode().strip()
        self.assertTrue(self.issuer.startswith("http://127.0.0.1:"))
        key_file = self.folder / "keys/master.key"
        key_file.parent.mkdir()
        self.edit("hub:\n", f"hub:\n  vault: {{ key_file: {key_file} }}\n")

    @staticmethod
    async def end(process: asyncio.subprocess.Process) -> None:
        if process.returncode is None:
            process.kill()
        await process.wait()

    def configure(self, client: str = "client_id: public, proof: none", **authorize: str) -> None:
        keys = {
            "url": f'"{self.issuer}/auth"',
            "parameters": "{ prompt: consent }",
            "issuer": f'"{self.issuer}"',
            **authorize,
        }
        listed = ", ".join(f"{key}: {value}" for key, value in keys.items())
        self.edit(
            "  pangolin: { connector: pangolin,",
            "  pangolin: { connector: pangolin, auth: { scheme: oauth2, grant: authorization_code, "
            f'token_url: "{self.issuer}/token", {client}, scope: openid offline_access, '
            f"authorize: {{ {listed} }} }},",
        )

    async def made(self, *words: str, given: str = "") -> Ended:
        ended = await self.syncline(*words, stdin=given)
        self.assertEqual(ended.code, 0, ended.err)
        return ended

    async def begin(self, *words: str, **environment: str) -> Running:
        """A login in a shell that does not know the secrets of the hub."""
        process = await asyncio.create_subprocess_exec(
            *self.setup.command("auth", "login", "pangolin", *words),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **environment},
        )
        self.addAsyncCleanup(self.end, process)
        assert process.stderr is not None
        said = ""
        async with asyncio.timeout(WAIT_S):
            while not said.strip().startswith("http"):
                line = await process.stderr.readline()
                self.assertTrue(line, said)
                said = line.decode()
        return Running(process, said.strip())

    async def names(self) -> list[str]:
        listed = await self.result("secrets", "list")
        return [entry["name"] for entry in listed["secrets"]]
