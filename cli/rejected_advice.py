"""What to do about each reason for which something was kept out."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.rejections import Reason
from services.ingest.replay import FINAL

POISON = "a fault of deskpulse: report it, update, then replay it by --reason poison"
ADVICE: Mapping[Reason, str] = {
    Reason.EMPTY_BODY: "the sender sent nothing: look at its template",
    Reason.NOT_UTF8: "set the sender to JSON in UTF-8, then send it again",
    Reason.NOT_JSON: "set the sender to JSON, then send it again",
    Reason.TOO_DEEP: "send an event as an object of plain values",
    Reason.NOT_AN_OBJECT: "send each event as a JSON object",
    Reason.UNKNOWN_TYPE: "correct the type at the sender; or update deskpulse, then replay",
    Reason.MISSING_FIELD: "add the field at the sender, then send it again",
    Reason.BAD_FIELD: "correct the field at the sender; or update deskpulse, then replay",
    Reason.BAD_TIME: "correct the time at the sender, then send it again",
    Reason.UNTRANSLATABLE: "set the source's options, or update deskpulse, then replay",
    Reason.POISON: POISON,
    **FINAL,
}
"""One line for each reason; what replaying can change ends in "replay"."""


def advice(reason: str) -> str:
    """What to do about a reason; a newer deskpulse may have written one that this one does not know."""
    return ADVICE[Reason(reason)] if reason in frozenset(Reason) else "written by another version of deskpulse"
