"""The amounts that providers write, as whole minor units of their currency, exactly.

Law: 12.34 euro are 1234, 500 yen are 500, 1.234 dinar are 1234; what is no amount is None, never a guess.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

MINOR_MAX = 2**53
_WITHOUT = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"]
)
_THREE = frozenset(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"])


def currency_in(value: Any) -> str | None:
    """A currency's code of three letters, upper-case; None for anything else."""
    word = value.strip().upper() if isinstance(value, str) else ""
    return word if len(word) == 3 and word.isascii() and word.isalpha() else None


def from_major(value: Any, currency: str | None) -> int | None:
    """Minor units of an amount in major units (`"12.34"`, 12.34); without a currency two decimals are assumed."""
    number = _decimal(value)
    if number is None:
        return None
    return _whole(number.scaleb(0 if currency in _WITHOUT else 3 if currency in _THREE else 2))


def from_minor(value: Any) -> int | None:
    """Minor units of an amount that is in minor units already."""
    number = _decimal(value)
    return None if number is None else _whole(number)


def _decimal(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str) or (isinstance(value, str) and len(value) > 40):
        return None
    try:
        number = Decimal(str(value).strip().replace(",", "") if isinstance(value, str) else str(value)) if value != "" else None
    except (InvalidOperation, ValueError):
        return None
    return number if number is not None and number.is_finite() and abs(number) <= MINOR_MAX else None


def _whole(number: Decimal) -> int | None:
    found = int(number.to_integral_value(ROUND_HALF_UP))
    return found if abs(found) <= MINOR_MAX else None
