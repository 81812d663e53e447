"""Why an event or a body could not be used: a closed set, whose members are also the label values of the counters."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """One reason a body or an event is kept in `rejected` instead of counting."""

    EMPTY_BODY = "empty_body"
    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    TOO_DEEP = "too_deep"
    NOT_AN_OBJECT = "not_an_object"
    UNKNOWN_TYPE = "unknown_type"
    MISSING_FIELD = "missing_field"
    BAD_FIELD = "bad_field"
    BAD_TIME = "bad_time"
    CLOCK_AHEAD = "clock_ahead"
    UNTRANSLATABLE = "untranslatable"
    CONFLICTING_ID = "conflicting_id"
    BEYOND_RETENTION = "beyond_retention"
    ENTITY_TOO_LARGE = "entity_too_large"
    POISON = "poison"


class Rejected(ValueError):
    """A body or an event cannot be used.

    `reason` is the counted reason, `pointer` the JSON pointer of the field at fault ("" is the whole), `detail` says what
    was found and what was expected, without repeating the sender's content.
    """

    def __init__(self, reason: Reason, detail: str, pointer: str = "") -> None:
        super().__init__(f"{reason}: {detail}" + (f" (at {pointer})" if pointer else ""))
        self.reason = reason
        self.detail = detail
        self.pointer = pointer
