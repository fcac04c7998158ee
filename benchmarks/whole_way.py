"""Memory of the whole way: prompts in a packed file, planned, run on the scripted engine, exported with splits.

    python benchmarks/whole_way.py [--records 100000 1000000] [--near-duplicates 0.8]

Each size is a process of its own, which tells its peak after each stage. `measure` is used by the tests too.
"""

from __future__ import annotations

import argparse
import gzip
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # the other benchmark, however this one is started

from run_rate import CONSTITUTION, peak_mb

WORDS = "rose river letter engine harbour winter garden signal theatre pepper mountain ticket lantern bridge"


def write_prompts(path: Path, records: int) -> None:
    """Synthetic prompts as packed CSV with tags and a column that goes into the metadata."""
    words = WORDS.split()
    with gzip.open(path, "wt", compresslevel=1, encoding="utf-8") as file:
        file.write("question,kind,page\n")
        for number in range(records):
            said = " ".join(words[(number * step) % len(words)] for step in (1, 3, 5, 11))
            file.write(f'"Tell me, in some detail, about {said} and number {number}.",{number % 3},{number}\n')


def whole_way(folder: Path, records: int, near_duplicates: float | None) -> dict[str, float]:
    """Plan, run and export so many prompts.

    Returns:
        seconds and the peak in MB after each stage, and the rows of the first config.
    """
    from constitution import Constitution

    (folder / "rate.yaml").write_text(CONSTITUTION)
    prompts = folder / f"prompts-{records}.csv.gz"
    write_prompts(prompts, records)
    found: dict[str, float] = {}
    began = time.perf_counter()
    run = Constitution.load(folder / "rate.yaml").generate(
        prompts, folder / f"run-{records}", model="scripted", rounds=1, critique=False, tag_column="kind"
    )
    found |= {"run_seconds": time.perf_counter() - began, "run_mb": peak_mb()}
    began = time.perf_counter()
    done = run.export(
        folder / f"data-{records}", ("preference", "sft", "traces", "drops"), split={"test": 0.05},
        near_duplicates=near_duplicates,
    )  # fmt: skip
    found |= {"export_seconds": time.perf_counter() - began, "export_mb": peak_mb(), "rows": done.rows}
    return found


def measure(records: int, near_duplicates: float | None = None) -> dict[str, float]:
    """The whole way in a process of its own."""
    call = [sys.executable, __file__, "--child", str(records)]
    if near_duplicates is not None:
        call += ["--near-duplicates", str(near_duplicates)]
    ran = subprocess.run(call, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(ran.stdout)
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--near-duplicates", type=float)
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(whole_way(Path(folder), given.child, given.near_duplicates)))
        return
    print("| records | plan and run, s | peak MB | export, s | peak MB | rows |")
    print("|--:|--:|--:|--:|--:|--:|")
    for records in given.records:
        found = measure(records, given.near_duplicates)
        run = f"{found['run_seconds']:.0f} | {found['run_mb']:.0f}"
        exported = f"{found['export_seconds']:.0f} | {found['export_mb']:.0f} | {found['rows']:,}"
        print(f"| {records:,} | {run} | {exported} |", flush=True)


if __name__ == "__main__":
    main()
