"""Report: everything a run found, as one JSON object and as Markdown.

Example: ``markdown(content)`` starts with ``# Benchmark``.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from benchmarks.comparison import IDLE_SHARE
from benchmarks.figures import Row
from benchmarks.ratios import Ratio

FORMAT = 1

_MEANING = {
    "cascade_workflow_over_ours": "turn of the cascade (workflow) / ours, 1 client, p50",
    "stock_handler_over_ours": "turn of the stock handler / ours, 1 client, p50",
    "throughput16_ours_over_stock": "turns/s ours / stock handler, 16 clients",
    "throughput16_ours_over_litserve": "turns/s ours / LitServe, 16 clients",
    "turn_over_floor": "turn of ours, 1 client, p50 / floor of this machine",
    "worker_memory_ours_over_stock": "resident memory of a worker, ours / stock handler",
    "overhead_ms": "turn of ours over REST less the bare pipeline, 1 client, p50, ms",
}


def ratio_content(found: Mapping[str, Ratio]) -> dict[str, Any]:
    """Return ``ratios``, ``ratio_sources`` and ``bars`` of the JSON."""
    return {
        "ratios": {name: one.value for name, one in found.items()},
        "ratio_sources": {name: dict(one.source) for name, one in found.items()},
        "bars": {
            name: {"bar": f"{one.bar[0]} {one.bar[1]:g}", "met": one.met}
            for name, one in found.items()
        },
    }


def row_content(row: Row) -> dict[str, Any]:
    """Return one row of ``load`` of the JSON."""
    return asdict(row)


def markdown(content: Mapping[str, Any]) -> str:
    """Return the report of a run's JSON content."""
    parts = [
        "# Benchmark",
        _head(content),
        "## Against the bars",
        _ratios(content),
        "## One client: latency of a turn",
        _latency(content),
        "## Several clients",
        _load(content),
        "## Processes",
        _processes(content),
        "## Same answers",
        _agreement(content),
        "## Floor",
        _floor(content),
        "## Growth",
        _growth(content),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def table(header: list[str], lines: list[list[object]]) -> str:
    """Return a Markdown table; numbers are aligned to the right by their column's first cell."""
    marks = [
        "---:" if lines and isinstance(cell, int | float) else "---"
        for cell in (lines[0] if lines else header)
    ]
    rows = ["| " + " | ".join(header) + " |", "|" + "|".join(marks) + "|"]
    rows += ["| " + " | ".join(_cell(one) for one in line) + " |" for line in lines]
    return "\n".join(rows)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return str(value).replace("|", "/").replace("\n", " ")


def _head(content: Mapping[str, Any]) -> str:
    machine, turns = content["machine"], content["turns"]
    versions = ", ".join(f"{name} {number}" for name, number in content["versions"].items())
    return (
        f"{machine['cpu']}, {machine['usable_cores']} core(s), {machine['system']}; "
        f"checkpoint {content['checkpoint']['checksum']}, code {content['code']}; "
        f"{turns['number']} turns of {turns['source']} ({turns['checksum']}); "
        f"{content['date']}, {content['minutes']:.1f} minutes"
        f"{', quick' if content['quick'] else ''}.\n\n{versions}.\n\n"
        "All peers ran in this one run, on the same machine and turns, taking turns round by "
        "round. Compare figures of one run only."
    )


def _ratios(content: Mapping[str, Any]) -> str:
    lines: list[list[object]] = [
        [
            _MEANING[name],
            value,
            content["bars"][name]["bar"],
            content["bars"][name]["met"],
            ", ".join(
                f"{key} {_cell(number)}" for key, number in content["ratio_sources"][name].items()
            ),
        ]
        for name, value in content["ratios"].items()
    ]
    return table(["figure", "value", "bar", "met", "from"], lines)


def _latency(content: Mapping[str, Any]) -> str:
    lines: list[list[object]] = []
    for row in content["load"]:
        if row["clients"] != 1 or not row["latency"]:
            continue
        one = row["latency"]
        stalls = f"{one['stalls']} (longest {one['longest_stall'] / 1e3:.1f} s)"
        title = content["peers"][row["peer"]]["title"]
        lines.append(
            [
                row["peer"],
                one["p50"],
                one["p95"],
                one["p99"],
                one["turns"],
                f"{min(row['p50_of_rounds']):.3g} to {max(row['p50_of_rounds']):.3g}",
                row["cpu_ms_per_turn"],
                stalls if one["stalls"] else "",
                title,
            ]
        )
    header = ["peer", "p50 ms", "p95 ms", "p99 ms", "turns", "p50 of the rounds", "CPU ms a turn"]
    return table([*header, "stalls, left out", "what it is"], lines)


def _load(content: Mapping[str, Any]) -> str:
    lines: list[list[object]] = []
    for row in content["load"]:
        one = row["latency"]
        if row["clients"] == 1:
            continue
        lines.append(
            [
                row["clients"],
                row["peer"],
                row["turns_per_second"],
                *([one["p50"], one["p95"], one["p99"]] if one else [None] * 3),
                row["errors"],
                one["stalls"] if one else 0,
                row["cpu_ms_per_turn"],
                row["first_error"] or "",
            ]
        )
    rates = content["generator"]
    ceiling = ", ".join(f"{rate:.0f} with {clients}" for clients, rate in rates.items())
    header = ["clients", "peer", "turns/s", "p50 ms", "p95 ms", "p99 ms", "errors", "stalls"]
    return (
        table([*header, "CPU ms a turn", "first error"], lines)
        + f"\n\nThe load generator alone, against a server that does nothing: {ceiling} client(s) "
        "asks a second; it runs on the same cores as the server."
    )


def _processes(content: Mapping[str, Any]) -> str:
    lines: list[list[object]] = []
    for name, peer in content["peers"].items():
        if peer["error"]:
            lines.append([name, f"did not start: {peer['error']}", *[None] * 7])
            continue
        memory = peer["worker_memory"]
        mega = [max((one[key] for one in memory), default=0) / 1e6 for key in ("rss", "pss", "uss")]
        lines.append(
            [
                name,
                peer["workers"],
                *mega,
                peer["all_rss"] / 1e6,
                peer["startup_seconds"],
                peer["size_bytes"] / 1e6,
                100 * peer["idle_cpu_share"],
            ]
        )
    header = ["peer", "workers", "worker RSS MB", "PSS MB", "USS MB", "all processes RSS MB"]
    return (
        table([*header, "start s", "archive or files MB", "idle CPU %"], lines)
        + "\n\nMemory is the largest seen under load. All servers ran at once, so PSS and USS "
        "leave out what they share; RSS is what a worker needs alone. Idle CPU is of one core; "
        f"a peer above {100 * IDLE_SHARE:g}% was suspended while others were measured."
    )


def _agreement(content: Mapping[str, Any]) -> str:
    compared = {
        name: peer["agreement"] for name, peer in content["peers"].items() if peer["agreement"]
    }
    lines: list[list[object]] = [
        [name, one["turns"], one["whole"], *one["parts"].values()] for name, one in compared.items()
    ]
    parts = next((list(one["parts"]) for one in compared.values()), [])
    return "Share of turns answered as fp32 PyTorch in process answers them.\n\n" + table(
        ["peer", "turns", "all four", *parts], lines
    )


def _floor(content: Mapping[str, Any]) -> str:
    floor = content["floor"]
    lines: list[list[object]] = [
        [
            name,
            floor[name]["milliseconds"],
            floor[name]["milliseconds_from_dram"],
            floor[name]["bytes"] / 1e6,
            floor[name]["operations"] / 1e6,
            floor[name]["step_weight_bytes"] / 1e6,
            floor[name]["step_read_bytes_per_second"] / 1e9,
            floor[name]["operations_per_second"] / 1e9,
        ]
        for name in ("float32", "bfloat16", "int8")
    ]
    ours = floor["dtype_of_ours"]
    machine = floor["machine"]
    dram = machine["read_bytes_per_second"][str(machine["dram_bytes"])] / 1e9
    header = [
        "weights",
        "floor ms",
        "from DRAM ms",
        "MB to read",
        "million operations",
        "working set of a step MB",
    ]
    int8 = machine["gemm_int8_not_measured"]
    return (
        f"Ours computes in {ours}. "
        f"A median turn has {floor['tokens']['context']:g} context tokens and "
        f"{floor['tokens']['steps_of_both_phases']:g} decoder steps in both phases. DRAM reads at "
        f"{dram:.1f} GB/s.{f' int8 products were not measured: {int8}.' if int8 else ''}\n\n"
        + table([*header, "its read GB/s", "GEMM Gop/s"], lines)
    )


def _growth(content: Mapping[str, Any]) -> str:
    growth = content["scaling"]
    history: list[list[object]] = [
        [int(length), one["p50_ms"], one["turns"]] for length, one in growth["history"].items()
    ]
    tasks: list[list[object]] = [[name, value] for name, value in growth["tasks"].items()]
    parts = []
    if history:
        parts.append(table(["exchanges before", "ours p50 ms", "turns"], history))
    if tasks:
        parts.append(table(["tasks asked for", "ours p50 ms"], tasks))
    return "\n\n".join(parts) or "Not measured: ours did not start."
