"""Work in steps: a generator that gives way after each little piece of it and returns what came of them all.

Who has nothing else to do takes all steps at once (`finished`); who serves others too does something else between them.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")
Steps = Generator[None, None, T]


def finished(steps: Steps[T]) -> T:
    """What comes of all the steps. Raises what they raise."""
    while True:
        try:
            next(steps)
        except StopIteration as last:
            result: T = last.value
            return result
