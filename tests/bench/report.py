"""Medians, ratios and goals, and how they are shown."""

from __future__ import annotations

from typing import Any

from syncline_tools.statistics import median, percentile

Rows = list[dict[str, Any]]
Goal = dict[str, Any]

# Figures that have to be at most so much: part, name in what was measured, words, goal, unit.
MOST = (
    ("latency", ("delivered_ms", "p50"), "idle, webhook to delivered, p50", 2.5, "ms"),
    ("latency", ("delivered_ms", "p99"), "idle, webhook to delivered, p99", 5.0, "ms"),
    ("footprint", ("idle_mb",), "RssAnon idle", 16.0, "MB"),
    ("footprint", ("queued_mb",), "RssAnon with {queued:,} queued", 200.0, "MB"),
    ("footprint", ("start_empty_ms",), "start, empty", 20.0, "ms"),
    ("footprint", ("start_queued_ms",), "start with {queued:,} queued", 1000.0, "ms"),
    ("footprint", ("start_killed_ms",), "the same after a kill", 1000.0, "ms"),
    ("micro", ("guarded_call_ns",), "guarded call into a connector", 10.0, "ns"),
    ("micro", ("key_map_ratio",), "key-map lookup / raw LMDB get", 1.2, ""),
    ("micro", ("decide_changed_us",), "diff and map, 10 fields, changed", 10.0, "us"),
    ("micro", ("decide_unchanged_us",), "diff and map, 10 fields, unchanged", 10.0, "us"),
)

# Times of refusals that differ by chance alone have a smaller |t|, and a comparison that stops at the
# first difference a larger one.
T_MAX = 4.5
TIMED = {
    "hmac_hex": "HMAC in hex",
    "hmac_base64": "HMAC in base64",
    "api_key": "key in a header",
    "basic": "Basic",
    "memcmp": "memcmp of 1 KiB, as a control",
}

# Durable acknowledgements per second as a share of another server's answers, by number of
# connections.
RATIO_GOALS = {
    ("acks", "nginx", 64): 0.45,
    ("acks", "nginx", 256): 0.60,
    ("acks", "plain", 64): 0.70,
    ("acks", "plain", 256): 0.85,
    # The hub over TCP beside Redis where it is quickest, on its Unix socket; then each over the same transport.
    ("acks", "xadd", 64): 1.0,
    ("keeps", "xadd", 64): 1.0,
    ("acks-unix", "xadd", 64): 1.0,
    ("keeps-unix", "xadd", 64): 1.0,
    ("acks", "xadd-tcp", 64): 1.0,
    ("keeps", "xadd-tcp", 64): 1.0,
}
# How many times as much as the peer the whole product acknowledges and delivers.
PEER_GOAL, PEER_CONNECTIONS = 8.0, 64
# Of what is acknowledged under overload, what is delivered meanwhile.
DELIVERED_SHARE_GOAL = 0.95
# Delivered records per second on a machine on which nginx answers so many requests; scaled to this
# one by nginx.
DELIVERED_GOAL, DELIVERED_GOAL_AT_NGINX, DELIVERED_CONNECTIONS = 30_000, 110_000, 256


def values(
    rows: Rows, subject: str, connections: int, column: str = "requests_per_s"
) -> list[float]:
    return [
        row[column]
        for row in rows
        if row["subject"] == subject
        and row["connections"] == connections
        and row[column] is not None
    ]


def medians(rows: Rows) -> Rows:
    """One row per subject and number of connections."""
    result = []
    for subject, connections in sorted(
        {(row["subject"], row["connections"]) for row in rows}, key=lambda pair: pair[::-1]
    ):
        rates = values(rows, subject, connections)
        delivered = values(rows, subject, connections, "delivered_per_s")
        result.append(
            {
                "subject": subject,
                "connections": connections,
                "requests_per_s": round(median(rates)),
                "min": round(min(rates)),
                "max": round(max(rates)),
                "p50_ms": round(median(values(rows, subject, connections, "p50_ms")), 3),
                "p99_ms": round(median(values(rows, subject, connections, "p99_ms")), 3),
                "delivered_per_s": round(median(delivered)) if delivered else None,
                "refused": sum(
                    int(count) for count in values(rows, subject, connections, "refused")
                ),
            }
        )
    return result


def percentiles(times: list[float]) -> dict[str, float]:
    return {f"p{share}": round(percentile(times, share / 100), 3) for share in (50, 99)}


def goals(measured: dict[str, Any]) -> list[Goal]:
    rows = measured.get("servers")
    timed = measured.get("timing", {})
    return (_server_goals(rows) if rows else []) + _other_goals(measured) + _timing_goals(timed)


def _timing_goals(timed: dict[str, Any]) -> list[Goal]:
    return [
        {
            "goal": f"t of refusals, {TIMED[name]}",
            "wanted": f"{'over' if name == 'memcmp' else 'under'} {T_MAX}",
            "measured": figures["t"],
            "met": (figures["t"] > T_MAX) == (name == "memcmp"),
        }
        for name, figures in timed.items()
    ]


def at_least(goal: str, wanted: float, value: float, digits: int = 3) -> Goal:
    measured = round(value, digits) if digits else round(value)
    return {"goal": goal, "wanted": f"{wanted:,}", "measured": measured, "met": value >= wanted}


def _server_goals(rows: Rows) -> list[Goal]:
    result = []
    for (subject, other, connections), wanted in RATIO_GOALS.items():
        ratio = median(values(rows, subject, connections)) / max(
            1.0, median(values(rows, other, connections))
        )
        result.append(at_least(f"{subject} / {other}, c{connections}", wanted, ratio))
    for words, column in (("answered", "requests_per_s"), ("delivered", "delivered_per_s")):
        hub, bullmq = (
            median(values(rows, subject, PEER_CONNECTIONS, column)) for subject in ("hub", "bullmq")
        )
        goal = f"hub / bullmq, {words}, c{PEER_CONNECTIONS}"
        result.append(at_least(goal, PEER_GOAL, hub / max(1.0, bullmq), 2))
    for connections in sorted({row["connections"] for row in rows}):
        share = median(values(rows, "hub", connections, "delivered_share"))
        goal = f"delivered / acknowledged during overload, c{connections}"
        result.append(at_least(goal, DELIVERED_SHARE_GOAL, share))
    nginx = median(values(rows, "nginx", DELIVERED_CONNECTIONS))
    result.append(
        at_least(
            f"delivered per second, c{DELIVERED_CONNECTIONS}",
            round(DELIVERED_GOAL * nginx / DELIVERED_GOAL_AT_NGINX),
            median(values(rows, "hub", DELIVERED_CONNECTIONS, "delivered_per_s")),
            0,
        )
    )
    return result


def _other_goals(measured: dict[str, Any]) -> list[Goal]:
    figures = {part: dict(measured[part]) for part in ("latency", "footprint", "micro") if part in measured}
    if footprint := figures.get("footprint"):
        footprint["idle_mb"] = footprint["idle_bytes"] / 1e6
        footprint["queued_mb"] = footprint["queued_bytes"] / 1e6
    if micro := figures.get("micro"):
        micro["key_map_ratio"] = micro["key_map_overlay_ns"] / max(1, micro["key_map_raw_ns"])
    result = []
    for part, path, words, most, unit in MOST:
        if part not in figures:
            continue
        value: Any = figures[part]
        for name in path:
            value = value[name]
        result.append(
            {
                "goal": words.format(**figures[part]),
                "wanted": f"at most {most:g} {unit}".strip(),
                "measured": round(value, 2),
                "met": value <= most,
            }
        )
    return result


def all_met(result: dict[str, Any]) -> bool:
    return all(goal["met"] for goal in result["goals"])


def as_text(result: dict[str, Any]) -> str:
    """Tables in Markdown, ready for README.md."""
    fsync = result["fsync_us"]
    lines = [
        "",
        f"{result['machine']}; fdatasync of 4 KiB p50 {fsync['p50']} us, p99 {fsync['p99']} us;"
        f" {result['rounds']} rounds of {result['seconds']} s",
    ]
    if result["medians"]:
        lines += _server_table(result["medians"])
    if timed := result.get("timing"):
        lines += _timing_table(timed)
    lines += ["", "| goal | wanted | measured | |", "|---|---:|---:|---|"]
    for goal in result["goals"]:
        lines.append(
            f"| {goal['goal']} | {goal['wanted']} | {goal['measured']:,} | "
            f"{'met' if goal['met'] else 'MISSED'} |"
        )
    return "\n".join(lines)


def _timing_table(timed: dict[str, Any]) -> list[str]:
    lines = [
        "",
        "| refusal of a guess, ns | nothing right | half right | all but the last "
        "| largest \\|t\\| | samples of each |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, figures in timed.items():
        times = " | ".join(f"{figures[kind]:.2f}" for kind in ("none_ns", "half_ns", "most_ns"))
        lines.append(f"| {TIMED[name]} | {times} | {figures['t']:g} | {figures['samples']:,} |")
    return lines


def _server_table(rows: Rows) -> list[str]:
    lines = [
        "",
        "| server | connections | answered/s, median [min..max] | p50 / p99 ms | delivered/s | "
        "refused |",
        "|---|---:|---|---|---:|---:|",
    ]
    for row in rows:
        delivered = f"{row['delivered_per_s']:,}" if row["delivered_per_s"] is not None else ""
        lines.append(
            f"| {row['subject']} | {row['connections']} | {row['requests_per_s']:,} "
            f"[{row['min']:,}..{row['max']:,}] "
            f"| {row['p50_ms']:g} / {row['p99_ms']:g} | {delivered} | {row['refused']:,} |"
        )
    return lines
