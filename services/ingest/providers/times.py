"""The times that providers write, as RFC 3339 in UTC: what is said, None when nothing is, `Rejected` when it cannot be read.

Laws: an instant keeps its milliseconds; a time without a zone is read in the zone that the caller names; stand-ins for null
(`""`, `0`, the year 1, the first instant of 1970) say nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

from schemas.canonical import rfc3339
from schemas.events import TIME_MAX_MS
from schemas.rejections import Reason, Rejected

_SENTINELS = ("0001-01-01T", "1970-01-01T00:00:00", "0000-00-00")
_MICROS_FROM, _MILLIS_FROM = 10**14, 10**11


def iso_time(value: Any, pointer: str = "", zone: tzinfo = UTC) -> str | None:
    """Of a text such as `2026-11-22T08:15:30.5Z`, `… 08:15:30 UTC`, `… 08:15:30 -0700`, or one without a zone. Raises Rejected."""
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > 64:
        _refuse(pointer)
    text = value.strip()
    if not text or text.startswith(_SENTINELS):
        return None
    if text.endswith(" UTC"):
        text = text[:-4] + "Z"
    elif " -" in text or " +" in text:
        text = text.replace(" -", "-").replace(" +", "+")
    try:
        at = datetime.fromisoformat(text)
        millis = int((at if at.tzinfo else at.replace(tzinfo=zone)).timestamp() * 1000 + 0.5)
    except (ValueError, OverflowError):
        _refuse(pointer)
    return _written(millis, pointer)


def seconds_time(value: Any, pointer: str = "") -> str | None:
    """Of epoch seconds, whole or with a fraction, also as text. Raises Rejected."""
    return _epoch_time(value, 1000, pointer)


def millis_time(value: Any, pointer: str = "") -> str | None:
    """Of epoch milliseconds, also as text. Raises Rejected."""
    return _epoch_time(value, 1, pointer)


def any_time(value: Any, pointer: str = "", zone: tzinfo = UTC) -> str | None:
    """Of a text, or of epoch seconds, milliseconds or microseconds, told apart by their size. Raises Rejected."""
    number = _decimal(value)
    if number is None:
        return iso_time(value, pointer, zone)
    size = abs(number)
    return _epoch_time(number, Decimal("0.001") if size >= _MICROS_FROM else 1 if size >= _MILLIS_FROM else 1000, pointer)


@lru_cache(maxsize=64)
def zone_of(name: str) -> tzinfo:
    """The time zone of a setting. Raises ValueError for a name that is none."""
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        raise ValueError(f"{name} is not the name of a time zone, such as Europe/Berlin") from None


def _epoch_time(value: Any, factor: Decimal | int, pointer: str) -> str | None:
    if value is None or value == "":
        return None
    number = _decimal(value)
    if number is None:
        _refuse(pointer)
    if number == 0:
        return None
    return _written(int(number * factor + Decimal("0.5")), pointer) if 0 < number < Decimal(10**17) else _refuse(pointer)


def _decimal(value: Any) -> Decimal | None:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(str(value)) if not isinstance(value, str) or len(value) <= 40 else None
    except InvalidOperation:
        return None
    return number if number is not None and number.is_finite() else None


def _written(millis: int, pointer: str) -> str:
    return rfc3339(millis) if 0 <= millis < TIME_MAX_MS else _refuse(pointer)


def _refuse(pointer: str) -> NoReturn:
    raise Rejected(Reason.BAD_TIME, "this cannot be read as a time of this provider", pointer)
