"""The long run by hand: every trouble, at seeded moments under load; prints a table and ends with 1 when anything does not hold.

Called by `make test-faults ARGS='--events 10000000 --seed 7'`. The undisturbed computation holds all entities at once: some
4 GB for ten million deliveries.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import secrets
import tempfile
from pathlib import Path

from tests.faults.suite import Ended, run
from tests.faults.troubles import TROUBLES

_LEAST_PER_SECOND, _MOST_PER_SECOND = 150.0, 3000.0
_POSTING_SECONDS = 1800.0


def main() -> int:
    """Run what the arguments say; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--events", type=int, default=30_000, help="deliveries that are posted in all")
    parser.add_argument("--seed", type=int, default=None, help="the same seed is the same order of troubles and the same company")
    parser.add_argument("--rate", type=float, default=None, help="deliveries a second; else so many that posting takes half an hour")
    parser.add_argument("--only", action="append", help="a trouble by its name; may be given several times")
    parser.add_argument("--each", action="store_true", help="compare after every trouble, to see which one did it")
    parser.add_argument("--keep", type=Path, help="a folder for logs and data, kept after the run")
    given = parser.parse_args()
    names = {trouble.name for trouble in TROUBLES}
    if unknown := set(given.only or ()) - names:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are: {', '.join(sorted(names))}")
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what it cannot reach is gone on purpose
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    seed = secrets.randbelow(1_000_000) if given.seed is None else given.seed
    rate = min(_MOST_PER_SECOND, max(_LEAST_PER_SECOND, given.events / _POSTING_SECONDS)) if given.rate is None else given.rate
    wanted = [trouble for trouble in TROUBLES if not given.only or trouble.name in given.only]
    ended: list[Ended] = []
    with tempfile.TemporaryDirectory() as temporary:
        for brokers in sorted({trouble.brokers for trouble in wanted}):
            together = [trouble for trouble in wanted if trouble.brokers == brokers]
            events = max(1, given.events * len(together) // len(wanted))
            print(f"seed {seed}, {brokers} broker(s), {len(together)} troubles, {events:,} deliveries at {rate:.0f}/s", flush=True)
            folder = (given.keep or Path(temporary)) / f"brokers-{brokers}"
            ended.append(asyncio.run(run(folder, together, seed, events, per_second=rate, check_each=given.each, say=_say)))
            _print(ended[-1])
    return 1 if any(one.faults() for one in ended) else 0


def _say(text: str) -> None:
    print(text, flush=True)


def _print(ended: Ended) -> None:
    print(f"\nseed {ended.seed}")
    print(f"{'moment':>8}  {'trouble':<36}{'moved after':>12}{'promised':>10}  seen")
    for s in ended.struck:
        promised = "" if s.limit_seconds is None else f"{s.limit_seconds:.0f} s"
        print(f"{s.at:>8,}  {s.name:<36}{s.seconds:>10.1f} s{promised:>10}  {s.seen}")
    print(
        f"{ended.acknowledged:,} deliveries acknowledged, {ended.posted_again:,} posted again, {ended.events:,} events on the tape, "
        f"{ended.trimmed:,} records of events trimmed, dead letters {ended.letters}"
    )
    print(ended.verdict.text())
    print(f"{ended.served.compared:,} served figures compared, {len(ended.served.differences)} fields differ")
    for fault in ended.faults():
        print(f"DOES NOT HOLD: {fault}")


if __name__ == "__main__":
    raise SystemExit(main())
