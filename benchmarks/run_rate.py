"""How fast a run is where the model costs nothing, and whether it grows: rate, memory, journal events, digests.

    python benchmarks/run_rate.py [--records 10000 100000] [--rounds 1 2] [--no-critique]

Each size is a process of its own. The rate is what the library itself costs: plan, draws, requests, keys, journal,
pairs, shards. `count_run` and `measure` are used by the tests too.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

CONSTITUTION = """\
schema: 1
name: rate
version: "1.0"
principles:
  - {id: short, text: Answers are short., critique: Say where it is long., revision: Write it shorter.,
     check: {words: {max: 8}}}
  - {id: kind, text: Answers are kind., critique: Say where it is unkind., revision: Write it kinder.}
  - {id: plain, text: Answers are plain., critique: Say where it is not plain., revision: Write it plainer.}
"""


def run(folder: Path, records: int, rounds: int, *, critique: bool = True) -> None:
    """Make a run of so many records in a folder."""
    from constitution import Constitution

    (folder / "rate.yaml").write_text(CONSTITUTION)
    prompts = folder / f"prompts-{records}.txt"
    with prompts.open("w") as file:
        file.writelines(
            f"Prompt number {number}, of a usual length for a test of this kind.\n" for number in range(records)
        )
    out = folder / f"run-{records}"
    Constitution.load(folder / "rate.yaml").generate(prompts, out, model="scripted", rounds=rounds, critique=critique)


def peak_mb() -> float:
    """The most memory that this process held, in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # `ru_maxrss` would count the parent's memory in before the child's own program began
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)


def measure(records: int, rounds: int, *, critique: bool = True) -> dict[str, float]:
    """Rate and peak of a run in a process of its own.

    Returns:
        `seconds` and `cpu` for the whole run, imports left out; `peak_mb` of the process.
    """
    call = [sys.executable, __file__, "--child", str(records), str(rounds), str(int(critique))]
    ran = subprocess.run(call, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(ran.stdout)
    return found


def _child(records: int, rounds: int, critique: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder), 10, rounds)  # imports and first calls are no part of the rate
        began, cpu = time.perf_counter(), time.process_time()
        run(Path(folder), records, rounds, critique=bool(critique))
        seconds, used = time.perf_counter() - began, time.process_time() - cpu
    print(json.dumps({"seconds": seconds, "cpu": used, "peak_mb": peak_mb()}))


def count_run(records: int, rounds: int, *, critique: bool = True) -> dict[str, int]:
    """How often a run hashes, and how many lines its journals hold."""
    from constitution import digest

    calls = 0
    real = digest.blake2b

    def counting(*given: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        return real(*given, **named)

    digest.blake2b = counting  # type: ignore[assignment,misc]  # counted for as long as the run takes
    try:
        with tempfile.TemporaryDirectory() as folder:
            run(Path(folder), records, rounds, critique=critique)
            events = sum(path.read_bytes().count(b"\n") for path in Path(folder).glob("run-*/journal/*.jsonl"))
    finally:
        digest.blake2b = real  # type: ignore[misc]  # as it was
    return {"digests": calls, "events": events}


def per_record(rounds: int, few: int = 200, many: int = 1200, *, critique: bool = True) -> dict[str, float]:
    """Digests and journal events of one record more."""
    small, large = count_run(few, rounds, critique=critique), count_run(many, rounds, critique=critique)
    return {name: (large[name] - small[name]) / (many - few) for name in small}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--rounds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--no-critique", action="store_true")
    parser.add_argument("--child", type=int, nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        _child(*given.child)
        return
    print("| rounds | records | µs a record, wall | µs a record, CPU | peak MB | events a record | digests a record |")
    print("|--:|--:|--:|--:|--:|--:|--:|")
    for rounds in given.rounds:
        each = per_record(rounds, critique=not given.no_critique)
        for records in given.records:
            found = measure(records, rounds, critique=not given.no_critique)
            wall, cpu = (1e6 * found[name] / records for name in ("seconds", "cpu"))
            counts = f"{each['events']:g} | {each['digests']:g}"
            print(
                f"| {rounds} | {records:,} | {wall:.0f} | {cpu:.0f} | {found['peak_mb']:.0f} | {counts} |", flush=True
            )


if __name__ == "__main__":
    main()
