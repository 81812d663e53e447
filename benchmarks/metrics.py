"""How long does a scrape of 10,000 series hold up the event loop? Target: at most 15 ms to render, median of five."""

from __future__ import annotations

import gzip
import statistics
import time
from collections.abc import Callable

from services.api.exposition import Exposition, Family

SERIES = 10_000
ROUNDS = 5
TARGET_MS = 15.0


def families(moment: int) -> list[Family]:
    """100 families of 100 series with four labels, their values new at each moment."""
    made = []
    for f in range(100):
        family = Family(name=f"deskpulse_window_figure_{f}_seconds", kind="gauge", unit="seconds", help=f"Figure {f}.")
        for s in range(SERIES // 100):
            family.add(s * 1.7 + moment, channel=f"channel-{s % 8}", team=f"team-{s // 8}", window="1h", priority="normal")
        made.append(family)
    return made


def median_ms(work: Callable[[int], object]) -> float:
    """Median of the rounds, in milliseconds of CPU time, so that other processes do not count.

    One round before them fills the caches, as the first scrape does.
    """
    work(0)
    took = []
    for moment in range(1, ROUNDS + 1):
        started = time.process_time()
        work(moment)
        took.append((time.process_time() - started) * 1000)
    return statistics.median(took)


def main() -> None:
    exposition = Exposition()
    made = [families(moment) for moment in range(ROUNDS + 1)]
    text = exposition.render(made[0])
    ready = [exposition.rendered(family) for family in made[0]]
    rows = [
        ("render, text 0.0.4", median_ms(lambda i: exposition.render(made[i])), TARGET_MS),
        ("render, OpenMetrics 1.0", median_ms(lambda i: exposition.render(made[i], openmetrics=True)), TARGET_MS),
        ("put a scrape together (text made beforehand)", median_ms(lambda _: exposition.render(ready)), TARGET_MS),
        ("build the families (once a second at most)", median_ms(families), None),
        ("gzip, level 1", median_ms(lambda _: gzip.compress(text, 1)), None),
    ]
    print(f"{SERIES:,} series with 4 labels, {len(text) / 1024:,.0f} KiB, median of {ROUNDS}")
    print(f"{'':46}{'CPU ms':>8}{'target':>8}")
    for name, took, target in rows:
        print(f"{name:46}{took:8.1f}{'' if target is None else f'{target:.0f}':>8}")


if __name__ == "__main__":
    main()
