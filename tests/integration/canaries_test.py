#!/usr/bin/python3
"""Canaries: a secret in every place that takes one, a hub that is used and abused in every way, and a judge who looks
for each secret, in every form, in everything that came out. A filter that does nothing (planted) proves that he would
find it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import html
import json
import os
import pty
import re
import secrets
import shutil
import signal
import unittest
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from support import BINARY, HERE, WAIT_S, HubTest, RunningHub, run
from syncline_tools.http_load import Answer, HttpConnection
from syncline_tools.http_service import HttpService, Reply, Request
from syncline_tools.hub import HubSetup

CONNECTORS = BINARY.resolve().parent.parent / "connectors"
PARROT = Path(os.environ["SYNCLINE_PARROT"])
CRASHABLE = Path(os.environ["SYNCLINE_CRASHABLE"])
WITHOUT_SECRET = {"address", "client_certificate", "http_signature"}  # rules of `verify`


def hard(name: str) -> str:
    """A value that looks different in every encoding."""
    return f'c4nary/{name}+"<&> {secrets.token_hex(4)}'


def plain(name: str) -> str:
    return f"canary-{name.replace(' ', '-')}-{secrets.token_hex(6)}"


def forms(text: str) -> dict[str, bytes]:
    """Every form that the judge knows, made without the hub's code."""
    value = text.encode()
    found = {"plain": value, "hex": value.hex().encode(), "HEX": value.hex().upper().encode()}
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + value)
        inner = encoded[-(-8 * before // 6) : 8 * (before + len(value)) // 6]
        found[f"base64 at {before}"] = inner
        found[f"base64url at {before}"] = inner.translate(bytes.maketrans(b"+/", b"-_"))
    for name, encoded_text in (
        ("percent", quote(text, safe="")),
        ("form", quote_plus(text)),
        ("json", json.dumps(text)[1:-1]),
        ("json with slashes", json.dumps(text)[1:-1].replace("/", "\\/")),
        ("html", html.escape(text)),
    ):
        found[name] = encoded_text.encode()
    small = re.sub("%..", lambda escape: escape[0].lower(), quote(text, safe=""))
    return {**found, "percent, small": small.encode()}


@dataclass
class Judge:
    canaries: dict[str, str] = field(default_factory=dict)
    heard: list[tuple[str, bytes]] = field(default_factory=list)

    def hear(self, where: str, *what: str | bytes) -> None:
        for each in what:
            self.heard.append((where, each if isinstance(each, bytes) else each.encode()))

    def found(self) -> list[str]:
        hits = []
        for name, value in self.canaries.items():
            known = forms(value)
            for where, what in self.heard:
                hits += [f"{name} as {form} in {where}" for form, text in known.items() if text in what]
        return sorted(set(hits))


class CanariesTest(HubTest):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.judge = Judge()
        self.environment: dict[str, str] = {}
        self.vault: dict[str, str] = {}
        self.crm = HttpService(self.echo)
        await self.crm.start("127.0.0.1", 0)
        self.addAsyncCleanup(self.crm.stop)
        self.binary = BINARY
        self.token = plain("access token")

    # ---- The platform: it repeats whatever it was sent, in its own encodings

    def echo(self, request: Request) -> Reply:
        headers = "\n".join(f"{name}: {value}" for name, value in request.headers.items())
        words = f"{request.target}\n{headers}"
        for credentials in request.headers.get("authorization", "").split(" ")[1:2]:
            try:
                words += base64.b64decode(credentials, validate=True).decode()
            except ValueError:
                words += credentials
        if request.target == "/token":
            self.judge.canaries["access token"] = self.token
            return Reply(200, json.dumps({"access_token": self.token, "expires_in": 3600}).encode())
        is_refused = b'"fail"' in request.body
        spelled = base64.b64encode(words.encode()).decode()
        body = {"error": words, "id": 17, "hex": words.encode().hex(), "base64": spelled}
        return Reply(422 if is_refused else 200, json.dumps(body).encode())

    # ---- The configuration: a canary in every place that takes one

    def canary(self, name: str, source: str, value: str = "") -> str:
        """What to write into the configuration for a new canary."""
        value = value or plain(name)
        self.judge.canaries[name] = value
        variable = name.upper().replace("-", "_").replace(" ", "_")
        if source == "vault":
            self.vault[variable] = value
            return f"${{secret:{variable}}}"
        if source == "file":
            file = self.folder / "keys" / variable
            file.write_text(value, encoding="utf-8")
            file.chmod(0o600)
            return f"${{file:{file}}}"
        if source == "literal":
            return value
        self.environment[variable] = value
        return f"${{{variable}}}"

    async def outbound(self) -> dict[str, dict[str, Any]]:
        """By name; `scheme` in each."""
        made = await run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"])
        line = made.out.splitlines()[5]
        pem = self.canary("rsa", "file", made.out)
        self.judge.canaries["rsa"] = line
        azure = base64.b64encode(plain("azure").encode()).decode()
        return {
            "key-header": {"scheme": "api_key", "header": "X-Key", "key": self.canary("key header", "env")},
            "key-query": {"scheme": "api_key", "query": "key", "key": self.canary("key query", "vault")},
            "basic": {"scheme": "basic", "username": "ann", "password": self.canary("basic", "file", hard("basic"))},
            "bearer": {"scheme": "bearer", "token": self.canary("bearer", "vault")},
            "oauth1": {
                "scheme": "oauth1", "method": "plaintext", "consumer_key": "c",
                "consumer_secret": self.canary("consumer secret", "env"),
                "token": "t", "token_secret": self.canary("token secret", "vault"),
            },
            "oauth1-hmac": {
                "scheme": "oauth1", "method": "hmac-sha1", "consumer_key": "c",
                "consumer_secret": self.canary("consumer secret 2", "literal", hard("consumer")),
            },
            "oauth1-rsa": {"scheme": "oauth1", "method": "rsa-sha1", "consumer_key": "c", "private_key": pem},
            "aws": {
                "scheme": "aws_sigv4", "access_key_id": "AKID", "region": "eu-west-1", "service": "s3",
                "secret_access_key": self.canary("aws", "env"), "session_token": self.canary("aws session", "vault"),
            },
            "azure-key": {
                "scheme": "azure_shared_key", "account": "a", "key": self.canary("azure key", "literal", azure),
            },
            "azure-sas": {
                "scheme": "azure_sas", "token": self.canary("azure sas", "env", "sv=2021-12-02&sig=" + plain("sas")),
            },
            "hmac": {
                "scheme": "hmac", "key": self.canary("hmac out", "literal", hard("hmac")), "signed": "{body}",
                "headers": {"X-S": "{signature}"},
            },
            "oauth2": {
                "scheme": "oauth2", "grant": "client_credentials", "client_id": "c", "proof": "parameter",
                "token_url": f"http://127.0.0.1:{self.crm.port}/token",
                "client_secret": self.canary("client secret", "vault", hard("client")),
            },
        }  # fmt: skip

    def inbound(self) -> dict[str, dict[str, Any]]:
        def key(name: str, source: str, value: str = "") -> str:
            return self.canary("in " + name, source, value)

        stripe = {"scheme": "hmac", "preset": "stripe", "key": key("stripe", "env")}
        whsec = "whsec_" + base64.b64encode(plain("standard webhooks").encode()).decode()
        return {
            "mapp": {"scheme": "hmac", "preset": "mapp", "key": key("mapp", "vault", hard("mapp"))},
            "github": {"scheme": "hmac", "preset": "github", "keys": [
                {"key": key("github", "env")}, {"key": key("github old", "literal"), "until": "2020-01-01T00:00:00Z"},
            ]},
            "shopify": {"scheme": "hmac", "preset": "shopify", "key": key("shopify", "literal")},
            "stripe": stripe,
            "slack": {"scheme": "hmac", "preset": "slack", "key": key("slack", "file")},
            "svix": {"scheme": "hmac", "preset": "svix", "key": key("svix", "env", whsec)},
            "key-header": {
                "scheme": "api_key", "header": "X-Api-Key", "prefix": "Key ", "key": key("key header", "vault"),
            },
            "key-query": {"scheme": "api_key", "query": "apikey", "key": key("key query", "env")},
            "basic": {"scheme": "basic", "username": "bob", "password": key("basic", "vault")},
            "jwt": {"scheme": "jwt", "algorithms": ["HS256"], "key": key("jwt", "file", secrets.token_hex(24))},
            "connector": {"scheme": "connector", "key": key("connector", "vault")},
        }  # fmt: skip

    async def configure(self) -> None:
        (self.folder / "keys").mkdir()
        shutil.rmtree(self.setup.connectors_dir)
        self.setup.connectors_dir.mkdir()
        for file in [*CONNECTORS.glob("*.so"), PARROT]:
            shutil.copy(file, self.setup.connectors_dir)
        url = f"http://127.0.0.1:{self.crm.port}"
        outbound, inbound = await self.outbound(), self.inbound()
        parrot = {
            "connector": "parrot",
            "settings": {"base_url": url, "token": self.canary("setting", "vault")},
            "secrets": {"perch_key": self.canary("given secret", "vault")},
        }
        bearer_setting = "Bearer " + self.canary("http setting", "env")
        accounts: dict[str, Any] = {
            "shop": {"connector": "webhook", "settings": {"key": "/id"}},
            "people": {"connector": "jsonl", "settings": {"path": str(self.folder / "people.jsonl")}},
            "parrot": parrot,
            "plain": {"connector": "http", "settings": {"url": f"{url}/plain", "authorization": bearer_setting}},
        }
        for name, auth in outbound.items():
            accounts[name] = {"connector": "http", "settings": {"url": f"{url}/{name}"}, "auth": auth}
        deliver = {"batch_wait_ms": 10, "retry_base_ms": 50, "retry_max_ms": 200, "attempts_max": 2}
        connections: dict[str, Any] = {}
        for name in [*outbound, "plain"]:
            connections["to-" + name] = {
                "from": {"account": "shop", "stream": "records"},
                "to": {"account": name, "stream": "records"},
                "triggers": {"webhook": {"name": "shop", "verify": "none", "answer": "received"}},
                "deliver": deliver,
            }
            if len(connections) > 1:
                connections["to-" + name]["triggers"] = {"webhook": {"name": "shop"}}
        words = {"account": "parrot", "stream": "words"}
        for name, rule in inbound.items():
            is_parrot = name == "connector"
            connections["in-" + name] = {
                "from": words if is_parrot else {"account": "shop", "stream": "records"},
                "to": words if is_parrot else {"account": "people", "stream": "records"},
                "triggers": {"webhook": {"name": "in-" + name, "verify": [rule]}},
                "deliver": deliver,
            }
        connections["mapped"] = {
            "from": {"account": "shop", "stream": "records"}, "to": {"account": "people", "stream": "records"},
            "triggers": {"webhook": {"name": "mapped", "verify": "none", "answer": "outcome"}},
            "map": {"x": ".note | tonumber"},
        }  # fmt: skip
        hub = {
            "data_dir": str(self.setup.data_dir), "connectors_dir": str(self.setup.connectors_dir),
            "listen": "127.0.0.1:0",
        }  # fmt: skip
        self.every_scheme_is_there(outbound, inbound)
        self.config = {"version": 1, "hub": hub, "accounts": accounts, "connections": connections}
        self.setup = HubSetup(self.binary.resolve(), self.folder, "")
        self.setup.config.write_text(json.dumps(self.config, indent=1), encoding="utf-8")
        key_file = self.folder / "keys/master"
        said = await self.say("secrets", "init", "--key-file", str(key_file), master=False)
        self.assertTrue(key_file.exists(), said)
        self.master = key_file.read_text(encoding="utf-8").strip()
        self.judge.canaries["master key"] = self.master
        for name, value in self.vault.items():
            await self.say("secrets", "set", name, stdin=value)

    def every_scheme_is_there(self, outbound: dict[str, Any], inbound: dict[str, Any]) -> None:
        """A scheme that the configuration learns has to be planted here."""
        schema = json.loads((HERE.parents[1] / "host/config/schema.json").read_text(encoding="utf-8"))

        def schemes(node: Any) -> Iterator[str]:
            if isinstance(node, dict):
                properties = node.get("properties")
                scheme = properties.get("scheme", {}) if isinstance(properties, dict) else {}
                yield from [scheme["const"]] if "const" in scheme else scheme.get("enum", [])
                for child in node.values():
                    yield from schemes(child)
            elif isinstance(node, list):
                for child in node:
                    yield from schemes(child)

        planted = {rule["scheme"] for rule in [*outbound.values(), *inbound.values()]}
        self.assertEqual(set(schemes(schema)) - planted - WITHOUT_SECRET, set())

    # ---- What is done to the hub; everything it says is heard

    async def say(self, *words: str, stdin: str = "", master: bool = True, **environment: str) -> str:
        """A verb, for people and for programs."""
        given = {**({"SYNCLINE_MASTER_KEY": self.master} if master else {}), **environment}
        for form in ([], ["--json"]) if not stdin and words[0] != "secrets" else ([],):
            ended = await run(self.setup.command(*words, *form), {**self.extra, **given}, stdin)
            self.judge.hear("`" + " ".join([*words, *form]) + "`", ended.out, ended.err)
            last = ended.out + ended.err
        return last

    async def admin(self, method: str, target: str, body: bytes = b"") -> bytes:
        reader, writer = await asyncio.open_unix_connection(str(self.hub.admin_socket))
        head = f"{method} {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        async with asyncio.timeout(WAIT_S):
            answer = await reader.read()
        writer.close()
        self.judge.hear(f"{method} {target}", answer)
        return answer

    async def hook(self, method: str, path: str, body: bytes, **headers: str) -> Answer:
        connection = HttpConnection("127.0.0.1", self.hub.port)
        try:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            answer = await connection.request(method, f"/hooks/{path}", body, sent, WAIT_S)
        finally:
            connection.close()
        self.judge.hear(f"the answer to {method} {path.split('?')[0]}", answer.body, str(answer.headers))
        return answer

    async def launch(self) -> None:
        given = {**self.environment, **self.extra, "SYNCLINE_MASTER_KEY": self.master}
        child = await self.setup.launch(given)
        self.addAsyncCleanup(child.end, signal.SIGKILL)
        self.hub: RunningHub = await self.setup.ready(child, WAIT_S)

    extra: dict[str, str] = {}

    async def settle(self) -> None:
        async with asyncio.timeout(WAIT_S):
            while True:
                status = json.loads((await self.admin("GET", "/v1/status")).split(b"\r\n\r\n", 1)[1])["result"]
                ledger = status["ledger"]
                waiting = [*ledger["routes"].values(), *ledger["connections"].values()]
                if not any(counters["pending"] for counters in waiting):
                    return
                await asyncio.sleep(0.1)

    async def webhooks(self) -> None:
        mapp = self.judge.canaries["in mapp"].encode()
        github = self.judge.canaries["in github"].encode()
        good, bad = json.dumps({"id": "u1"}).encode(), json.dumps({"id": "u2", "x": "fail"}).encode()
        for body in (good, bad):
            await self.hook("POST", "shop", body)
        for route in ("mapp", "github", "shopify", "stripe", "slack", "svix", "key-header", "basic"):
            refused = await self.hook(
                "POST", "in-" + route, good, X_HMAC="00", Authorization="Basic %%%", X_Hub_Signature_256="sha256=0",
                X_Shopify_Hmac_Sha256="AA==", Stripe_Signature="t=1,v1=00", svix_id="1", svix_timestamp="1",
                svix_signature="v1,AA==", X_Slack_Signature="v0=00", X_Slack_Request_Timestamp="1",
            )  # fmt: skip
            self.assertEqual(refused.status, 401, route)
        canaries = self.judge.canaries
        named = base64.b64encode(("bob:" + canaries["in basic"]).encode()).decode()
        signed = {
            "X_HMAC": hmac.new(mapp, good, hashlib.sha1).hexdigest(),
            "X_Hub_Signature_256": "sha256=" + hmac.new(github, good, hashlib.sha256).hexdigest(),
        }
        taken = [
            await self.hook("POST", "in-mapp", good, **signed),
            await self.hook("POST", "in-github", good, **signed),
            await self.hook("POST", "in-key-header", good, X_Api_Key="Key " + canaries["in key header"]),
            await self.hook("POST", "in-key-query?a=1&apikey=" + canaries["in key query"], good),
            await self.hook("POST", "in-basic", good, Authorization="Basic " + named),
        ]
        self.assertEqual({answer.status for answer in taken}, {202})
        # Right and wrong at once: the key is there, and something else is not as it should be.
        key = self.judge.canaries["in key query"]
        await self.hook("POST", f"in-key-query?apikey={key}&apikey={key}", good)
        await self.hook("POST", f"in-key-query/{key}?apikey={key}x", good)
        await self.hook("DELETE", f"nowhere/{key}?apikey={key}", good)
        await self.hook("POST", "in-basic", b"[" * 100, Authorization="Bearer " + self.judge.canaries["in basic"])
        await self.hook("POST", "mapped", json.dumps({"id": "m", "note": "no number"}).encode())

    async def parrot(self) -> None:
        key = self.judge.canaries["in connector"].encode()
        # Known to nobody but the platform: what the manifest does not name would stay.
        feather, egg = self.canary("proof header", "literal"), self.canary("proof parameter", "literal")
        for method, text in (
            ("PUT", '{"key": "k1"}'), ("PUT", '{"key": "k2", "x": "fail"}'), ("PUT", '{"nothing": 1}'),
            ("POST", '{"key": "k3"}'), ("POST", '{"key": "k4", "x": "fail"}'), ("POST", "{}"),
        ):  # fmt: skip
            body = text.encode()
            sign = hmac.new(key, body, hashlib.sha256).hexdigest()
            await self.hook(method, f"in-connector?egg={egg}", body, X_Sign=sign, X_Feather=feather)
        await self.hook("POST", "in-connector", b"{}", X_Sign="00" * 32)
        await self.hook("GET", "in-connector", b"")

    async def letters(self) -> list[dict[str, Any]]:
        page = json.loads((await self.admin("GET", "/v1/dlq")).split(b"\r\n\r\n", 1)[1])
        found: list[dict[str, Any]] = page["result"]["letters"]
        return found

    async def edit(self, letter: str, editor: Path) -> None:
        """On a terminal: only there a verb starts an editor."""
        controller, terminal = pty.openpty()
        given = {"SYNCLINE_MASTER_KEY": self.master, "VISUAL": str(editor)}
        ended = await run(self.setup.command("dlq", "edit", letter), given, terminal)
        os.close(terminal)
        os.close(controller)
        self.assertEqual(ended.code, 0, ended.err)
        self.judge.hear("`dlq edit`", ended.out, ended.err)

    async def verbs(self) -> None:
        letters = await self.letters()
        self.assertGreater(len(letters), 8)
        editor = self.folder / "editor"
        editor.write_text(f'#!/bin/sh\nenv > {self.folder}/editor.env\necho >> "$1"\n', encoding="utf-8")
        editor.chmod(0o755)
        for letter in letters:
            await self.say("dlq", "show", letter["id"])
            for path in ("", "/edit"):
                await self.admin("GET", f"/v1/dlq/{letter['id']}{path}")
            await self.admin("POST", f"/v1/dlq/{letter['id']}/edit", b"[1]")
        record = next(letter["id"] for letter in letters if letter["kind"] == "record")
        await self.edit(record, editor)
        self.judge.hear("the environment of the editor", (self.folder / "editor.env").read_bytes())
        for words in (
            ["validate"], ["test"], ["schema"], ["status"], ["doctor"], ["version"], ["connectors", "list"],
            ["connectors", "describe", "parrot"], ["dlq", "list"], ["explain", "to-bearer", "u2"],
            ["explain", "in-connector", "k2"], ["explain", "in-connector", "k1"], ["explain", "--event", "1.99"],
            ["secrets", "list"], ["secrets", "remove", "NOBODY"], ["salvage"], ["run"], ["dlq", "replay", record],
            ["dlq", "discard", "9.9"], ["connectors", "describe", str(self.setup.config)],
        ):  # fmt: skip
            await self.say(*words, **self.environment)

    async def routes(self) -> None:
        event = "/v1/events/" + "1.20"
        for target in ("/healthz", "/readyz", "/metrics", "/v1/status", "/v1/dlq?limit=3", event, "/v1/nothing",
                       "/v1/explain?connection=to-basic&key=u2", "/v1/explain?connection=in-connector&key=k2",
                       "/v1/explain?event=1.20", "/v1/explain"):  # fmt: skip
            for method in ("GET", "POST"):
                await self.admin(method, target)
        for counter in range(1, 60):
            await self.admin("GET", f"/v1/explain?event=1.{counter}")
            await self.admin("GET", f"/v1/events/1.{counter}")

    async def bad_configurations(self) -> None:
        """Mistakes next to secrets; each is told without them."""
        file = self.setup.config
        for change in (
            lambda c: c["accounts"]["parrot"]["settings"].update(mood=1, other=self.judge.canaries["setting"]),
            lambda c: c["accounts"]["parrot"].update(secrets={}),
            lambda c: c["accounts"]["shop"].update(secrets={"a": "${secret:SETTING}"}),
            lambda c: c["accounts"]["bearer"]["auth"].update(key="${secret:SETTING}"),
            lambda c: c["accounts"]["plain"]["settings"].update(url="${secret:SETTING}"),
            lambda c: c["accounts"]["azure-key"]["auth"].update(key="${secret:SETTING}"),
            lambda c: c["accounts"]["oauth1-rsa"]["auth"].update(private_key="${secret:SETTING}"),
            lambda c: c["accounts"]["parrot"]["settings"].update(mood="bad"),
            lambda c: c["connections"]["in-svix"]["triggers"]["webhook"]["verify"][0].update(key="${secret:SETTING}"),
        ):  # fmt: skip
            changed = json.loads(json.dumps(self.config))
            change(changed)
            file.write_text(json.dumps(changed, indent=1), encoding="utf-8")
            for verb in ("validate", "doctor", "run"):
                if verb == "run" and changed["accounts"]["parrot"]["settings"].get("mood") != "bad":
                    continue
                await self.say(verb, **self.environment)
        file.write_text(json.dumps(self.config, indent=1), encoding="utf-8")

    def processes(self) -> None:
        root = Path(f"/proc/{self.hub.child.pid}")
        self.judge.hear("the command line", (root / "cmdline").read_bytes())
        for task in (root / "task").iterdir():
            self.assertEqual((task / "children").read_text(encoding="utf-8"), "", "the hub has children")

    def files(self) -> None:
        for file in [*self.setup.data_dir.rglob("*"), *self.folder.glob("*.out"), *self.folder.glob("*.log")]:
            if file.is_file():
                text = file.read_bytes().replace(bytes(4096), b"")  # room that is not used yet
                self.judge.hear(str(file.relative_to(self.folder)), text)
        self.assertEqual([*self.folder.rglob("core*")], [], "a core file")

    async def backup(self) -> None:
        copy = self.folder / "backup"
        await self.say("backup", str(copy), **self.environment)
        await self.say("backup", "--verify", str(copy), **self.environment)
        copied = [file for file in copy.rglob("*") if file.is_file()]
        self.assertGreater(len(copied), 3)
        for file in copied:
            self.judge.hear(str(file.relative_to(self.folder)), file.read_bytes().replace(bytes(4096), b""))

    async def body_with_a_canary(self) -> None:
        """Data of customers that repeat a secret: kept and delivered as they are, and not shown."""
        value = self.judge.canaries["setting"]
        await self.hook("POST", "mapped", json.dumps({"id": "body", "note": value}).encode())
        (letter,) = [each for each in await self.letters() if each.get("key") == "body"]
        await self.say("dlq", "list")
        await self.say("dlq", "show", letter["id"])
        await self.say("explain", "mapped", "body")
        refused = await self.admin("GET", f"/v1/dlq/{letter['id']}/edit")
        if not self.extra:
            self.assertIn(b"admin.body_hidden", refused)

    # ---- The tests

    async def test_no_secret_leaves_the_process(self) -> None:
        """[G5] [G10] [C6]"""
        await self.configure()
        await self.bad_configurations()
        await self.launch()
        await self.webhooks()
        await self.parrot()
        await self.settle()
        self.processes()
        await self.verbs()
        await self.routes()
        await self.hub.child.end(signal.SIGKILL)
        self.files()
        await self.launch()
        await self.say("dlq", "replay", "--all")
        await self.settle()
        await self.routes()
        await self.backup()
        self.files()
        await self.body_with_a_canary()
        self.assertEqual(await self.hub.child.end(signal.SIGABRT, WAIT_S), -signal.SIGABRT)
        self.judge.hear("the log at the end", (self.folder / "hub.log").read_bytes())
        self.assertEqual([*self.folder.rglob("core*")], [], "a core file")
        self.assertGreater(len(self.judge.heard), 200)
        self.assertEqual(self.judge.found(), [])
        log = (self.folder / "hub.log").read_text(encoding="utf-8")
        self.assertIn("I know [redacted]", log)
        self.assertNotIn("\x1b", log)

    async def test_the_judge_finds_what_an_open_filter_lets_through(self) -> None:
        """[G5]"""
        self.binary = CRASHABLE
        self.extra = {"SYNCLINE_PLANT": "no-redaction"}
        await self.configure()
        await self.launch()
        await self.webhooks()
        await self.parrot()
        await self.settle()
        for letter in await self.letters():
            await self.say("dlq", "show", letter["id"])
        await self.body_with_a_canary()
        await self.hub.child.end(signal.SIGKILL)
        self.files()
        found = self.judge.found()
        for name, where in (
            ("setting", "hub.log"), ("given secret", "hub.log"), ("setting", "journal"),
            ("setting", "the answer to PUT"), ("setting", "GET /v1/dlq"), ("given secret", "`dlq show"),
            ("bearer", "GET /v1/dlq"), ("basic", "`dlq show"), ("key header", "journal"), ("http setting", "journal"),
            ("azure sas", "journal"), ("key query", "journal"), ("aws session", "journal"), ("access token", "journal"),
        ):  # fmt: skip
            self.assertTrue(
                any(hit.startswith(name + " as ") and where in hit for hit in found), f"{name} in {where}: {found}"
            )


if __name__ == "__main__":
    unittest.main()
