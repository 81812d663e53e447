"""The boards that come with deskpulse: one for each question that a room is watched for.

Targets are those of the settings; where a company has set none, a tile shows its number without a verdict. A KPI that no tile
names is on every board all the same, under "All figures".
"""

from __future__ import annotations

from collections.abc import Mapping

from services.api.boards.declarations import Declaration, Strip, TargetOf, TargetPart, Tile

_NOW = ("now", "1h", "24h")
_HOUR = ("1h", "24h", "now")
_DAY = ("24h", "today", "7d", "28d")
_WEEK = ("7d", "24h", "28d")
_MONTH = ("28d", "24h", "7d", "90d")


def _of(name: str, part: TargetPart) -> TargetOf:
    return TargetOf(name=name, part=part)


_FIRST_REPLY = _of("first_reply_time_seconds", "p50")
_SERVICE_LEVEL = _of("speed_of_answer_seconds", "share")

OPERATIONS = Declaration(
    title="Operations",
    tiles=(
        Tile(kpi="active_issues", windows=_NOW, target_of=_of("active_issues", "within")),
        Tile(kpi="current_longest_wait", windows=_NOW, title="Longest wait", target_of=_of("current_longest_wait_seconds", "within")),
        Tile(kpi="first_reply_time", windows=_HOUR, title="First reply, median", target_of=_FIRST_REPLY, watch=2700),
        Tile(kpi="resolved_issues", windows=_DAY),
        Tile(kpi="service_level", windows=_DAY, title="Service level", target_of=_SERVICE_LEVEL, watch=0.7),
        Tile(kpi="escalation_rate", windows=_DAY, target_of=_of("escalation_rate", "share")),
        Tile(kpi="csat_score", windows=_DAY, title="Satisfaction", target_of=_of("csat_score", "share")),
        Tile(kpi="nps", windows=_MONTH, title="Net promoter score"),
        Tile(
            kpi="service_conversion_rate",
            windows=_MONTH,
            title="Conversion after contact",
            target_of=_of("service_conversion_rate", "share"),
        ),
    ),
    strip=Strip(
        dimension="team",
        count=Tile(kpi="active_issues", windows=_NOW),
        wait=Tile(kpi="first_reply_time", windows=("24h", "1h"), title="First reply", target_of=_FIRST_REPLY),
    ),
)
"""The room as a whole: what waits, what is done, what customers make of it."""

SUPPORT = Declaration(
    title="Support",
    tiles=(
        Tile(kpi="active_issues", windows=_NOW, target_of=_of("active_issues", "within")),
        Tile(kpi="backlog_growth", windows=_DAY, title="Came in minus solved"),
        Tile(kpi="current_longest_wait", windows=_NOW, title="Longest wait", target_of=_of("current_longest_wait_seconds", "within")),
        Tile(kpi="first_reply_time", windows=_HOUR, title="First reply, median", target_of=_FIRST_REPLY, watch=2700),
        Tile(kpi="next_reply_time", windows=_HOUR, title="Later replies, median", target_of=_of("next_reply_time_seconds", "p50")),
        Tile(kpi="full_resolution_time", windows=_DAY, title="Solved for good in", target_of=_of("full_resolution_time_seconds", "p50")),
        Tile(kpi="resolved_within_24h", windows=_WEEK, target_of=_of("resolved_within_24h", "share")),
        Tile(kpi="reopen_rate", windows=_MONTH, target_of=_of("reopen_rate", "share")),
        Tile(kpi="escalation_rate", windows=_DAY, target_of=_of("escalation_rate", "share")),
    ),
    strip=Strip(
        dimension="channel",
        count=Tile(kpi="active_issues", windows=_NOW),
        wait=Tile(kpi="first_reply_time", windows=("24h", "1h"), title="First reply", target_of=_FIRST_REPLY),
    ),
)
"""Tickets from their first minute to their last."""

CALLS = Declaration(
    title="Calls",
    tiles=(
        Tile(kpi="service_level", windows=("1h", "24h", "today"), title="Service level", target_of=_SERVICE_LEVEL, watch=0.7),
        Tile(kpi="service_level", windows=_DAY, title="Service level", target_of=_SERVICE_LEVEL, watch=0.7),
        Tile(
            kpi="speed_of_answer",
            windows=_HOUR,
            title="Answered after, median",
            target_of=_of("speed_of_answer_seconds", "within"),
            watch=30,
        ),
        Tile(kpi="abandonment_rate", windows=_HOUR, title="Gave up waiting", target_of=_of("abandonment_rate", "share")),
        Tile(kpi="handle_time", windows=_DAY, title="Time per call, median"),
        Tile(kpi="transfer_rate", windows=_DAY),
    ),
)
"""The telephone: who waits, who gives up, how long a call takes."""

SATISFACTION = Declaration(
    title="Satisfaction",
    tiles=(
        Tile(kpi="csat_score", windows=_WEEK, target_of=_of("csat_score", "share")),
        Tile(kpi="csat_response_rate", windows=_MONTH, title="Surveys answered"),
        Tile(kpi="nps", windows=_MONTH, title="Net promoter score"),
        Tile(kpi="ces", windows=_MONTH, title="Found it easy", target_of=_of("ces", "share")),
        Tile(kpi="complaint_count", windows=_DAY, target_of=_of("complaint_count", "within")),
        Tile(kpi="repeat_contact_rate", windows=_MONTH, title="Had to ask again", target_of=_of("repeat_contact_rate", "share")),
        Tile(kpi="one_touch_rate", windows=_DAY, title="Solved with one reply", target_of=_of("one_touch_rate", "share")),
    ),
)
"""What customers say, and what they do when it went wrong."""

SALES = Declaration(
    title="Sales",
    tiles=(
        Tile(kpi="lead_response_time", windows=_DAY, title="Leads answered after", target_of=_of("lead_response_time_seconds", "p50")),
        Tile(kpi="lead_to_booking_rate", windows=_MONTH, title="Leads that book", target_of=_of("lead_to_booking_rate", "share")),
        Tile(kpi="quote_to_booking_rate", windows=_MONTH, title="Quotes that book", target_of=_of("quote_to_booking_rate", "share")),
        Tile(kpi="time_to_booking", windows=_MONTH, title="From lead to booking"),
        Tile(
            kpi="service_conversion_rate",
            windows=_MONTH,
            title="Bought after a contact",
            target_of=_of("service_conversion_rate", "share"),
        ),
    ),
)
"""From a first message to a booking."""

SOURCES = Declaration(
    title="Sources",
    tiles=(
        Tile(kpi="issues_created", windows=_HOUR, title="Tickets that came in"),
        Tile(kpi="resolved_issues", windows=_HOUR, title="Tickets solved"),
        Tile(kpi="tickets_by_channel", windows=_DAY, title="Tickets, all channels"),
        Tile(kpi="active_issues", windows=_NOW),
        Tile(kpi="csat_response_rate", windows=_WEEK, title="Surveys answered"),
    ),
    strip=Strip(
        dimension="channel",
        count=Tile(kpi="issues_created", windows=_DAY),
        wait=Tile(kpi="first_reply_time", windows=("24h", "1h"), title="First reply", target_of=_FIRST_REPLY),
    ),
    sources=True,
)
"""Whether what should arrive arrives: a number that falls to nothing here is a silent source, not a quiet day."""

SHIPPED: Mapping[str, Declaration] = {
    "operations": OPERATIONS,
    "support": SUPPORT,
    "calls": CALLS,
    "satisfaction": SATISFACTION,
    "sales": SALES,
    "sources": SOURCES,
}
"""In the order in which they are listed."""
