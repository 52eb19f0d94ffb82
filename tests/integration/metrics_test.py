#!/usr/bin/python3
"""GET /metrics as a scraper meets it: valid, complete, agreeing with the ledger, and free of what
requests hold."""

from __future__ import annotations

import asyncio
import gzip
import re
import unittest
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from support import HERE, KEY, ROUTE, WAIT_S, HubTest, RunningHub, call, dmp

PAGE = HERE.parents[1] / "host/admin/METRICS.md"
ROW = re.compile(r"^\| `(syncline_\w+)` \| (\w+) \|([\w, ]*) \| .+ \|$", re.MULTILINE)
WITH_TOKENS = """\
  crm:
    connector: pangolin
    settings: { base_url: "http://127.0.0.1:9" }
    auth:
      scheme: oauth2
      grant: client_credentials
      token_url: "http://127.0.0.1:9/token"
      client_id: hub
      client_secret: a secret
"""
WITH_KEYS = """\
          - scheme: jwt
            algorithms: [RS256]
            issuer: https://issuer.example
            audience: hub
            jwks_url: "http://127.0.0.1:9/keys"
"""
UNITS = ("seconds", "bytes", "events", "records", "facts", "fds")
SAMPLE = re.compile(r'^syncline_\w+(\{(\w+="[^"\\]*",?)*\})? [-+.e\d]+$')

Labels = frozenset[tuple[str, str]]
Samples = dict[tuple[str, Labels], float]


async def scrape(hub: RunningHub, *headers: str) -> tuple[dict[str, str], bytes]:
    """Headers and body of the answer, which has to be 200."""
    reader, writer = await asyncio.open_unix_connection(str(hub.admin_socket))
    try:
        async with asyncio.timeout(WAIT_S):
            head = ["GET /metrics HTTP/1.1", "Host: hub", "Connection: close", *headers, "", ""]
            writer.write("\r\n".join(head).encode())
            answer = await reader.read()
    finally:
        writer.close()
    lines, _, body = answer.partition(b"\r\n\r\n")
    first, *fields = lines.decode().split("\r\n")
    assert first == "HTTP/1.1 200 OK", answer
    return {name.lower(): value for name, value in (field.split(": ", 1) for field in fields)}, body


def parse(text: str) -> Samples:
    samples: Samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in samples, key
            samples[key] = sample.value
    return samples


def families(text: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Type and labels of each name, `_total` included."""
    found: dict[str, tuple[str, frozenset[str]]] = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation, family.name
        name = family.name + ("_total" if family.type == "counter" else "")
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        assert name not in found, name
        found[name] = (family.type, frozenset(labels))
    return found


class MetricsTest(HubTest):
    maxDiff = None

    async def samples(self, hub: RunningHub) -> Samples:
        return parse((await scrape(hub))[1].decode())

    def at(self, samples: Samples, name: str, **labels: str) -> float:
        return samples[f"syncline_{name}", frozenset(labels.items())]

    async def routed(self, count: int) -> None:
        """Waits until so many records have come in, and none is on its way."""
        await self.until(
            f"{count} records are routed and settled",
            lambda ledger: ledger["connection"].get("routed") == count
            and not ledger["connection"]["pending"],
        )

    async def reject(self, user: str) -> None:
        order = {"reject_users": {user: {"code": "no", "retryable": False}}}
        await call("127.0.0.1", self.pangolin_port, "PUT", "/control", order)

    async def test_the_page_lists_exactly_what_a_hub_exposes(self) -> None:
        self.edit("accounts:\n", "accounts:\n" + WITH_TOKENS)
        self.edit("        verify:\n", "        verify:\n" + WITH_KEYS)
        hub = await self.start()
        headers, body = await scrape(hub)
        self.assertEqual(headers["content-type"], "text/plain; version=0.0.4; charset=utf-8")
        listed = {
            name: (kind, frozenset(filter(None, labels.strip().split(", "))))
            for name, kind, labels in ROW.findall(PAGE.read_text(encoding="utf-8"))
        }
        self.assertEqual(families(body.decode()), listed)
        await self.stop(hub)

    async def test_names_and_lines_are_as_the_format_wants_them(self) -> None:
        hub = await self.start()
        _, body = await scrape(hub)
        text = body.decode()
        self.assertTrue(text.endswith("\n"))
        for line in text.splitlines():
            if not line.startswith("# "):
                self.assertRegex(line, SAMPLE)
        for name, (kind, _) in families(text).items():
            self.assertEqual(kind == "counter", name.endswith("_total"), name)
            if kind == "histogram":
                self.assertTrue(name.endswith(UNITS), name)
        zipped_headers, zipped = await scrape(hub, "Accept-Encoding: gzip")
        self.assertEqual(zipped_headers["content-encoding"], "gzip")
        self.assertEqual(families(gzip.decompress(zipped).decode()), families(text))
        await self.stop(hub)

    async def test_what_happened_is_counted_once_and_as_the_ledger_has_it(self) -> None:
        hub = await self.start()
        await self.reject("refused")
        for users in (["one", "two"], ["one", "two"], ["refused"]):
            self.assertEqual((await self.send(hub, users)).status, 200)
        self.assertEqual((await self.send(hub, ["x"], key="another key")).status, 401)
        self.assertEqual((await self.post(hub, b"", {}, "/hooks/nothing")).status, 404)
        self.assertEqual((await self.post(hub, b"x" * 2_000_000, {})).status, 413)
        await self.routed(5)
        samples = await self.samples(hub)
        status = await self.result("status")
        for kind in ("route", "connection"):
            unit = "events" if kind == "route" else "records"
            self.assertTrue(status["ledger"][kind + "s"])
            for name, ledger in status["ledger"][kind + "s"].items():
                for word, value in ledger.items():
                    is_gauge = word in ("dead", "pending", "parked")
                    metric = f"{word}_{unit}" + ("" if is_gauge else "_total")
                    self.assertEqual(self.at(samples, metric, **{kind: name}), value, metric)
        self.assertEqual(self.at(samples, "ledger_balanced"), 1)

        requests = "webhook_requests_total"
        self.assertEqual(self.at(samples, requests, route=ROUTE, status_class="2xx"), 3)
        self.assertEqual(self.at(samples, requests, route=ROUTE, status_class="4xx"), 2)
        self.assertEqual(self.at(samples, requests, route="", status_class="4xx"), 1)
        refusals = "webhook_refusals_total"
        self.assertEqual(self.at(samples, refusals, route=ROUTE, reason="not_authentic"), 1)
        self.assertEqual(self.at(samples, refusals, route=ROUTE, reason="too_large"), 1)
        self.assertEqual(self.at(samples, refusals, route="", reason="not_found"), 1)
        refused = [value for (name, _), value in samples.items() if name == f"syncline_{refusals}"]
        self.assertEqual(sum(refused), 3)
        self.assertEqual(self.at(samples, "acknowledgement_duration_seconds_count", route=ROUTE), 3)
        self.assertGreater(self.at(samples, "acknowledgement_duration_seconds_sum", route=ROUTE), 0)

        delivered = self.at(samples, "delivered_records_total", connection="audiences")
        self.assertEqual(delivered, 2)
        latency = "delivery_latency_seconds_count"
        self.assertEqual(self.at(samples, latency, connection="audiences"), delivered)
        batched = self.at(samples, "batch_size_records_sum", connection="audiences")
        self.assertEqual(batched, 3)
        failed = "failed_attempts_total"
        self.assertEqual(self.at(samples, failed, connection="audiences", **{"class": "permanent"}), 1)
        account = {"account": "pangolin", "connector": "pangolin"}
        batches = self.at(samples, "batch_size_records_count", connection="audiences")
        outbound = "outbound_requests_total"
        self.assertEqual(self.at(samples, outbound, **account, status_class="2xx"), batches)
        self.assertEqual(self.at(samples, "outbound_request_duration_seconds_count", **account), batches)
        self.assertEqual(self.at(samples, "connector_misbehaviours_total", **account), 0)
        self.assertGreater(self.at(samples, "journal_flush_duration_seconds_count"), 3)
        self.assertGreater(self.at(samples, "process_resident_memory_bytes"), 1_000_000)
        self.assertGreater(self.at(samples, "process_open_fds"), 10)
        self.assertEqual(self.at(samples, "build_info", version=status["version"]), 1)
        await self.stop(hub)

    async def test_the_ledgers_counters_go_on_after_a_restart(self) -> None:
        hub = await self.start()
        await self.send(hub, ["one"])
        await self.routed(1)
        await self.stop(hub)
        hub = await self.start()
        samples = await self.samples(hub)
        self.assertEqual(self.at(samples, "delivered_records_total", connection="audiences"), 1)
        self.assertEqual(self.at(samples, "journal_epoch"), 2)
        latency = "delivery_latency_seconds_count"
        self.assertEqual(self.at(samples, latency, connection="audiences"), 0)
        await self.stop(hub)

    async def test_nothing_of_a_request_gets_into_it(self) -> None:
        hub = await self.start()
        await self.reject("needle@example.com")
        await self.send(hub, ["needle@example.com"], audience="needle")
        body = dmp.Batch("needle", True, ["needle"]).body("A")
        signed = {"X-HMAC": dmp.sign(KEY, body), "X-Needle": "needle", "User-Agent": "needle"}
        await self.post(hub, body, signed, f"/hooks/{ROUTE}/needle?needle=needle&x=1")
        await self.post(hub, body, signed, "/hooks/needle")
        await self.post(hub, body, {"X-HMAC": "needle"})
        await self.routed(2)
        text = (await scrape(hub))[1].decode()
        self.assertEqual(self.at(parse(text), "dead_records", connection="audiences"), 1)
        for word in ("needle", "example.com", KEY, "127.0.0.1", "ADD_TO_AUDIENCE"):
            self.assertNotIn(word, text)
        await self.stop(hub)

    async def test_scrapes_go_on_under_load_and_load_under_scrapes(self) -> None:
        hub = await self.start()
        is_over = asyncio.Event()

        async def sender(number: int) -> int:
            sent = 0
            while not is_over.is_set():
                answer = await self.send(hub, [f"u{number}-{sent}"])
                self.assertEqual(answer.status, 200)
                sent += 1
            return sent

        senders = [asyncio.create_task(sender(number)) for number in range(16)]
        last: dict[Any, float] = {}
        try:
            async with asyncio.timeout(60):
                for _ in range(30):
                    samples = await self.samples(hub)
                    counters = {key: value for key, value in samples.items()
                                if key[0].endswith(("_total", "_bucket", "_count"))}  # fmt: skip
                    for key, value in last.items():
                        self.assertGreaterEqual(counters[key], value, key)
                    last = counters
        finally:
            is_over.set()
            sent = sum(await asyncio.gather(*senders))
        self.assertGreater(sent, 0)
        await self.routed(sent)
        samples = await self.samples(hub)
        self.assertEqual(self.at(samples, "received_events_total", route=ROUTE), sent)
        self.assertEqual(self.at(samples, "acknowledgement_duration_seconds_count", route=ROUTE), sent)
        self.assertEqual(self.at(samples, "delivered_records_total", connection="audiences"), sent)
        await self.stop(hub)


if __name__ == "__main__":
    unittest.main()
