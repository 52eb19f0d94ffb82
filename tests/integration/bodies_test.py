#!/usr/bin/python3
"""Bodies that no platform should send: what the sender is told, and what becomes of the event.

The hub stores what is authentic before it is understood, so that malformed JSON is acknowledged and
ends as a dead event; only a coding that can't be undone is refused at the door."""

from __future__ import annotations

import gzip
import json
import unittest
import zlib
from dataclasses import dataclass, field

from support import KEY, HubTest, RunningHub, dmp

DELIVERED, DEAD, REFUSED = "delivered", "dead", "refused"


@dataclass(frozen=True, slots=True)
class Vector:
    name: str
    body: bytes
    ends: str  # DELIVERED, DEAD or REFUSED
    status: int = 200
    user: str | None = None  # what Pangolin gets
    headers: dict[str, str] = field(default_factory=dict)


def joining(user: str, more: str = "") -> bytes:
    """A user joins an audience; `user` is JSON."""
    return f'{{"Mutation":[{{"Audience":"a","Users":[{user}]}}]{more}}}'.encode("latin-1")


def nested(levels: int) -> bytes:
    return joining('"deep"', ',"x":' + "[" * levels + "]" * levels)


def keys(count: int) -> bytes:
    return joining('"keys"', "".join(f',"k{number}":0' for number in range(count)))


JSON = [
    Vector("as it should be", joining('"u1"'), DELIVERED, user="u1"),
    Vector("no body", b"", DEAD),
    Vector("blanks only", b" \r\n\t ", DEAD),
    Vector("blanks around", b"\r\n " + joining('"u2"') + b" \n", DELIVERED, user="u2"),
    Vector("no object", b"17", DEAD),
    Vector("cut off", joining('"u"')[:-1], DEAD),
    Vector("a tail", joining('"u"') + b"x", DEAD),
    Vector("two documents", joining('"u"') * 2, DEAD),
    Vector("a comment", b"/* */" + joining('"u"'), DEAD),
    Vector("a comma too many", joining('"u",'), DEAD),
    Vector("single quotes", joining("'u'"), DEAD),
    Vector("60 levels", nested(60), DELIVERED, user="deep"),
    Vector("65 levels", nested(65), DEAD),
    Vector("100,000 levels", nested(100_000), DEAD),
    Vector("100,000 opened levels", b"[" * 100_000, DEAD),
    Vector("100,000 opened objects", b'{"a":' * 100_000, DEAD),
    Vector("60,000 keys", keys(60_000), DELIVERED, user="keys"),
    Vector("a key twice", joining('"u"', ',"Customer":1,"Customer":2'), DEAD),
    Vector("a key twice, once escaped", joining('"u"', ',"ab":1,"\\u0061b":2'), DEAD),
    Vector("1e400", joining('"u"', ',"x":1e400'), DELIVERED, user="u"),
    Vector("a number of 10,000 digits", joining("1" * 10_000), DEAD),
    Vector("NaN", joining('"u"', ',"x":NaN'), DEAD),
    Vector("Infinity", joining('"u"', ',"x":-Infinity'), DEAD),
    Vector("a number with zeros in front", joining('"u"', ',"x":007'), DEAD),
    Vector("a number with a plus", joining('"u"', ',"x":+1'), DEAD),
    Vector("a hexadecimal number", joining('"u"', ',"x":0x1'), DEAD),
    Vector("a number that ends in a point", joining('"u"', ',"x":1.'), DEAD),
    Vector("a user above 64 bits", joining("18446744073709551616"), DEAD),
    Vector("a byte order mark", b"\xef\xbb\xbf" + joining('"u"'), DEAD),
    Vector("UTF-16", joining('"u"').decode().encode("utf-16"), DEAD),
    Vector("a surrogate alone", joining('"\\ud800"'), DEAD),
    Vector("a low surrogate first", joining('"\\udc00\\ud800"'), DEAD),
    Vector("a surrogate pair", joining('"\\ud83d\\ude00"'), DELIVERED, user="\U0001f600"),
    Vector("a surrogate in UTF-8", joining('"\xed\xa0\x80"'), DEAD),
    Vector("no UTF-8", joining('"\xff"'), DEAD),
    Vector("overlong UTF-8", joining('"\xc0\xaf"'), DEAD),
    Vector("cut UTF-8", joining('"\xe2\x82"'), DEAD),
    Vector("above Unicode", joining('"\xf4\x90\x80\x80"'), DEAD),
    Vector("UTF-8", joining('"\xc3\xa9"'), DELIVERED, user="\u00e9"),
    Vector("a raw NUL", joining('"a\0b"'), DEAD),
    Vector("a raw LF", joining('"a\nb"'), DEAD),
    Vector("a NUL at the end", joining('"u"') + b"\0", DEAD),
    # What is legal is not cut and not turned into something else on its way.
    Vector("an escaped NUL", joining('"a\\u0000b"'), DELIVERED, user="a\0b"),
    Vector("escaped CR and LF", joining('"a\\r\\nX-Injected: y\\r\\n\\r\\n"'), DELIVERED,
           user="a\r\nX-Injected: y\r\n\r\n"),
    Vector("a quote and a backslash", joining('"a\\"\\\\b"'), DELIVERED, user='a"\\b'),
    Vector("an escape that is none", joining('"\\x41"'), DEAD),
    Vector("a line separator", joining('"\xe2\x80\xa8"'), DELIVERED, user="\u2028"),
    Vector("a key above its limit", joining('"' + "u" * 1_100 + '"'), DEAD),
    Vector("an empty user", joining('""'), DEAD),
]  # fmt: skip

PLAIN = joining('"packed"')
ZEROS = b"\0" * 900_000


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


def coded(name: str, coding: str, body: bytes, ends: str, status: int) -> Vector:
    user = "packed" if ends == DELIVERED else None
    return Vector(name, body, ends, status, user, {"Content-Encoding": coding})


CODINGS = [
    coded("gzip", "gzip", gzip.compress(PLAIN), DELIVERED, 200),
    coded("x-gzip", "X-Gzip", gzip.compress(PLAIN), DELIVERED, 200),
    coded("two gzip members", "gzip", gzip.compress(PLAIN[:9]) + gzip.compress(PLAIN[9:]),
          DELIVERED, 200),
    coded("deflate", "deflate", zlib.compress(PLAIN), DELIVERED, 200),
    coded("deflate without its wrapper", "deflate", raw_deflate(PLAIN), DELIVERED, 200),
    coded("identity", "identity", PLAIN, DELIVERED, 200),
    coded("gzip of no JSON", "gzip", gzip.compress(b"no"), DEAD, 200),
    coded("gzip that is none", "gzip", PLAIN, REFUSED, 400),
    coded("deflate that is none", "deflate", b"\xff" + PLAIN, REFUSED, 400),
    coded("gzip cut off", "gzip", gzip.compress(PLAIN)[:-1], REFUSED, 400),
    coded("gzip with a tail", "gzip", gzip.compress(PLAIN) + b"tail", REFUSED, 400),
    coded("gzip with a wrong checksum", "gzip", gzip.compress(PLAIN)[:-8] + b"\0" * 8, REFUSED, 400),
    coded("a gzip bomb", "gzip", gzip.compress(ZEROS), REFUSED, 413),
    coded("a deflate bomb", "deflate", zlib.compress(ZEROS), REFUSED, 413),
    coded("a bomb without its wrapper", "deflate", raw_deflate(ZEROS), REFUSED, 413),
    coded("a bomb of many members", "gzip", gzip.compress(ZEROS[:100_000]) * 9, REFUSED, 413),
    coded("1 MiB and a byte", "gzip",
          gzip.compress(b"".join(b"%d," % (n * 7919) for n in range(120_000))), REFUSED, 413),
    coded("gzip in gzip", "gzip, gzip", gzip.compress(gzip.compress(PLAIN)), REFUSED, 415),
    coded("brotli", "br", PLAIN, REFUSED, 415),
    coded("zstandard", "zstd", PLAIN, REFUSED, 415),
    coded("a coding that is none", "gzip;q=1", gzip.compress(PLAIN), REFUSED, 415),
    Vector("two fields", gzip.compress(PLAIN), REFUSED, 415, None,
           {"Content-Encoding": "gzip", "content-encoding": "identity"}),
]  # fmt: skip


class BodiesTest(HubTest):
    def prepare(self, **deliver: int) -> None:
        super().prepare(batch_wait_ms=1, **deliver)

    async def settle(self, received: int) -> tuple[int, int]:
        """What was routed, and what is dead, once so many events were received and none waits."""
        ledger = await self.until(
            "settled",
            lambda found: found["route"].get("received", 0) == received
            and not found["route"].get("pending")
            and not found["connection"].get("pending"),
        )
        self.assertTrue(ledger["balanced"])
        return ledger["connection"].get("routed", 0), ledger["route"].get("dead", 0)

    async def send_vector(self, hub: RunningHub, vector: Vector, number: int) -> int:
        headers = {"X-HMAC": dmp.sign(KEY, vector.body), "X-Number": str(number), **vector.headers}
        answer = await self.post(hub, vector.body, headers)
        self.assertEqual(answer.status, vector.status, answer.body)
        if vector.ends == REFUSED:
            self.assertIn("error", answer.json())
            if vector.status == 415:
                self.assertEqual(answer.headers["accept-encoding"], "gzip, deflate")
        return answer.status

    async def check(self, vectors: list[Vector]) -> None:
        hub = await self.start()
        received = routed = dead = 0
        for number, vector in enumerate(vectors):
            with self.subTest(vector.name):
                await self.send_vector(hub, vector, number)
                received += vector.ends != REFUSED
                now = await self.settle(received)
                expected = (routed + (vector.ends == DELIVERED), dead + (vector.ends == DEAD))
                routed, dead = now
                self.assertEqual(now, expected, "(routed, dead)")
        users = {vector.user for vector in vectors if vector.user is not None}
        self.assertEqual(set(await self.members()), users)
        await self.stop(hub)

    async def test_json(self) -> None:
        await self.check(JSON)

    async def test_codings(self) -> None:
        await self.check(CODINGS)

    async def test_a_signature_is_over_the_bytes_as_they_came(self) -> None:
        hub = await self.start()
        packed = gzip.compress(PLAIN)
        answer = await self.post(
            hub, packed, {"X-HMAC": dmp.sign(KEY, PLAIN), "Content-Encoding": "gzip"}
        )
        self.assertEqual(answer.status, 401)
        bomb = gzip.compress(ZEROS)
        answer = await self.post(hub, bomb, {"X-HMAC": "00", "Content-Encoding": "gzip"})
        self.assertEqual(answer.status, 401)  # nobody decodes for a stranger
        self.assertEqual((await self.setup.ledger())["route"].get("received", 0), 0)
        await self.stop(hub)

    async def test_large_answers_are_compressed_for_who_accepts_it(self) -> None:
        hub = await self.start()
        for number in range(8):
            await self.send_vector(hub, Vector("dead", b"[%d]" % number, DEAD), number)
        await self.settle(8)
        from support import run

        async def get(*words: str) -> str:
            socket = str(hub.admin_socket)
            command = ["curl", "-sS", "--max-time", "20", "--unix-socket", socket, *words]
            return (await run([*command, "http://hub/v1/dlq"])).out

        plain = await get()
        self.assertGreater(len(plain), 1024)
        self.assertEqual(len(json.loads(plain)["result"]["letters"]), 8)
        self.assertEqual(await get("--compressed"), plain)
        head = await get("-D", "-", "-o", "/dev/null", "--compressed")
        self.assertRegex(head, r"\r\nContent-Encoding: (gzip|deflate)\r\n")
        self.assertIn("\r\nVary: Accept-Encoding\r\n", head)
        self.assertNotIn("Content-Encoding", await get("-D", "-", "-o", "/dev/null"))
        await self.stop(hub)


if __name__ == "__main__":
    unittest.main()
