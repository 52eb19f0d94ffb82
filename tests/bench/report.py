"""Medians, ratios and goals, and how they are shown."""

from __future__ import annotations

from typing import Any

from syncline_tools.statistics import median

Rows = list[dict[str, Any]]

# Durable acknowledgements per second as a share of another server's answers, by number of
# connections.
RATIO_GOALS = {("nginx", 64): 0.45, ("nginx", 256): 0.60, ("plain", 64): 0.70, ("plain", 256): 0.85}
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


def goals(rows: Rows) -> list[dict[str, Any]]:
    result = []
    for (other, connections), wanted in RATIO_GOALS.items():
        ratio = median(values(rows, "acks", connections)) / max(
            1.0, median(values(rows, other, connections))
        )
        result.append(
            {
                "goal": f"acks / {other}, c{connections}",
                "wanted": wanted,
                "measured": round(ratio, 3),
                "met": ratio >= wanted,
            }
        )
    nginx = median(values(rows, "nginx", DELIVERED_CONNECTIONS))
    wanted_rate = round(DELIVERED_GOAL * nginx / DELIVERED_GOAL_AT_NGINX)
    delivered = median(values(rows, "hub", DELIVERED_CONNECTIONS, "delivered_per_s"))
    result.append(
        {
            "goal": f"delivered per second, c{DELIVERED_CONNECTIONS}",
            "wanted": wanted_rate,
            "measured": round(delivered),
            "met": delivered >= wanted_rate,
        }
    )
    return result


def all_met(result: dict[str, Any]) -> bool:
    return all(goal["met"] for goal in result["goals"])


def as_text(result: dict[str, Any]) -> str:
    """Two tables in Markdown, ready for README.md."""
    fsync = result["fsync_us"]
    lines = [
        "",
        f"{result['machine']}; fdatasync of 4 KiB p50 {fsync['p50']} us, p99 {fsync['p99']} us;"
        f" {result['rounds']} rounds of {result['seconds']} s",
        "",
        "| server | connections | answered/s, median [min..max] | p50 / p99 ms | delivered/s | "
        "refused |",
        "|---|---:|---|---|---:|---:|",
    ]
    for row in result["medians"]:
        delivered = f"{row['delivered_per_s']:,}" if row["delivered_per_s"] is not None else ""
        lines.append(
            f"| {row['subject']} | {row['connections']} | {row['requests_per_s']:,} "
            f"[{row['min']:,}..{row['max']:,}] "
            f"| {row['p50_ms']:g} / {row['p99_ms']:g} | {delivered} | {row['refused']:,} |"
        )
    lines += ["", "| goal | wanted | measured | |", "|---|---:|---:|---|"]
    for goal in result["goals"]:
        lines.append(
            f"| {goal['goal']} | {goal['wanted']:,} | {goal['measured']:,} | "
            f"{'met' if goal['met'] else 'MISSED'} |"
        )
    return "\n".join(lines)
