"""Load on one server, and what came of it: wrk for servers that speak HTTP, redis-benchmark for
Redis."""

from __future__ import annotations

import asyncio
import csv
import re
from dataclasses import dataclass
from pathlib import Path

from peers import RedisServer
from subjects import BODY_BYTES, Running
from syncline_tools.processes import StartError

HERE = Path(__file__).resolve().parent
UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}
WARM_UP_S = 1
WARM_UP_ADDS = 20_000
STREAM_LENGTH = 100_000  # what Redis keeps of what it was given


@dataclass(slots=True)
class Measurement:
    subject: str
    connections: int
    requests_per_s: float  # answered 2xx
    p50_ms: float
    p99_ms: float
    refused: int = 0  # answered otherwise
    delivered_per_s: float | None = None
    # Of what was acknowledged while the load lasted, how much was delivered while it lasted.
    delivered_share: float | None = None
    others_share: float = 0.0


async def warm_up(running: Running | RedisServer, connections: int) -> int:
    """What the load has to know of it: requests sent to a server, or additions a second."""
    if isinstance(running, RedisServer):
        return int((await _redis_benchmark(running, connections, WARM_UP_ADDS))["rps"])
    sent = re.search(r"(\d+) requests in ", await _wrk(running, connections, WARM_UP_S, 0))
    # Go on where the warm-up ended: a request sent twice in a row would change nothing the second
    # time.
    return int(sent[1]) + connections if sent else 0


async def drive(
    running: Running | RedisServer, subject: str, connections: int, seconds: int, warm: int
) -> Measurement:
    if isinstance(running, RedisServer):
        row = await _redis_benchmark(running, connections, max(1, warm) * seconds)
        return Measurement(
            subject, connections, row["rps"], row["p50_latency_ms"], row["p99_latency_ms"]
        )
    return _parse(await _wrk(running, connections, seconds, warm), subject, connections)


async def _output(words: list[str]) -> str:
    process = await asyncio.create_subprocess_exec(
        "setpriv",
        "--pdeathsig",
        "KILL",
        "--",
        *words,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        out = (await process.communicate())[0].decode(errors="replace")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise StartError(f"{words[0]} ended with {process.returncode}: {out.strip()}")
    return out


async def _wrk(running: Running, connections: int, seconds: int, first: int) -> str:
    """wrk's report; `first` is the request in the list of bodies to begin with."""
    words = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "10s"]
    words += ["-s", str(HERE / "signed.lua"), running.url, "--", str(running.bodies), str(first)]
    return await _output(words)


def _parse(out: str, subject: str, connections: int) -> Measurement:
    rate, total = re.search(r"Requests/sec:\s+([\d.]+)", out), re.search(r"(\d+) requests in ", out)
    latency = {
        int(share): float(value) * UNITS[unit]
        for share, value, unit in re.findall(
            r"^\s+(50|99)%\s+([\d.]+)(us|ms|s|m)\s*$", out, re.MULTILINE
        )
    }
    if rate is None or total is None or len(latency) != 2:
        raise StartError(f"wrk's report is not understood: {out}")
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    refusals = int(refused[1]) if refused else 0
    good_share = 1 - refusals / max(1, int(total[1]))
    return Measurement(
        subject, connections, float(rate[1]) * good_share, latency[50], latency[99], refusals
    )


async def _redis_benchmark(running: RedisServer, connections: int, adds: int) -> dict[str, float]:
    words = ["redis-benchmark", "-s", str(running.socket), "-c", str(connections), "-n", str(adds)]
    words += ["--csv", "XADD", "bench", "MAXLEN", "~", str(STREAM_LENGTH), "*", "body"]
    out = await _output([*words, "x" * BODY_BYTES])
    rows = list(csv.DictReader(line for line in out.splitlines() if line.startswith('"')))
    if len(rows) != 1 or "rps" not in rows[0]:
        raise StartError(f"redis-benchmark's report is not understood: {out}")
    return {name: float(value) for name, value in rows[0].items() if name != "test"}
