"""What surveys have in common: which question asks for which metric on which scale, as a source's options say it.

Laws: a score is told with its scale, never rescaled; a question that nobody configured and no provider labels is no answer; free
text is never read. The event of a response is named by the response (`<response id>:survey.responded`), so that a correction is a
higher version of it, and `fact.withdrawn` of that name takes it back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

from schemas.rejections import Reason, Rejected
from services.ingest.providers.telling import Outside, identity
from services.ingest.providers.times import zone_of
from services.ingest.providers.values import id_in, name_in, number_in

Metric = Literal["csat", "nps", "ces", "stars", "yes_no"]
SCALES: Mapping[str, tuple[float, float]] = {"csat": (1, 5), "nps": (0, 10), "ces": (1, 7), "stars": (1, 5), "yes_no": (0, 1)}
"""The usual scale of each metric, where a question names none."""

TICKET_FIELDS = ("ticket_id", "ticketid", "ticket", "case_id", "conversation_id")
"""Names of hidden fields and variables that are read as the ticket's id, in any case."""

CUSTOMER_FIELDS = ("customer_id", "customerid")
"""The same for the customer's id."""

VERSION_MAX = 2**31
"""The highest version that an event may have."""


class Question(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one question asks. `labels` gives answers that come as words their scores; with `reverse` the low end is the good one."""

    metric: Metric
    scale_min: float | None = None
    scale_max: float | None = None
    labels: Mapping[str, float] = {}
    reverse: bool = False

    def __post_init__(self) -> None:
        low, high = self.scale
        if low >= high:
            raise ValueError(f"the scale of a question ends above its beginning: scale_min {low:g}, scale_max {high:g}")

    @property
    def scale(self) -> tuple[float, float]:
        """The lowest and the highest score; the usual ones of the metric where none are set."""
        low, high = SCALES[self.metric]
        return (low if self.scale_min is None else self.scale_min, high if self.scale_max is None else self.scale_max)


NPS = Question(metric="nps")


class SurveyOptions(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a source of surveys may set.

    `questions` by the provider's id of the question (its title or reference where the provider's page says so); `"*"` stands for
    every other that asks for a number. `survey_type` is the occasion on which its surveys are sent. `ticket_fields` and
    `customer_fields` are names of hidden fields that carry the ticket's and the customer's id, beside the usual ones. `time_zone` is
    that of times that name none.
    """

    questions: Mapping[str, Question] = {}
    survey_type: Literal["post_case", "transactional", "relationship", "selfservice", "employee", "panel"] = "post_case"
    ticket_fields: tuple[str, ...] = ()
    customer_fields: tuple[str, ...] = ()
    time_zone: str = "UTC"

    def __post_init__(self) -> None:
        zone_of(self.time_zone)

    def question(self, *names: Any, others: bool = True) -> Question | None:
        """The first question configured under one of the names, with `others` else the one of every other; None for none."""
        found = (self.questions.get(id_in(name)) for name in names)
        return next((question for question in found if question is not None), self.questions.get("*") if others else None)

    def ticket_id(self, *fields: Mapping[str, Any]) -> str | None:
        """The ticket's id in hidden fields or variables, the first ones first; None when none is there."""
        return _first((*self.ticket_fields, *TICKET_FIELDS), fields)

    def customer_id(self, *fields: Mapping[str, Any]) -> str | None:
        """The customer's id in them; None when none is there."""
        return _first((*self.customer_fields, *CUSTOMER_FIELDS), fields)


def _first(names: Iterable[str], fields: Iterable[Mapping[str, Any]]) -> str | None:
    lower = [{name.strip().lower(): value for name, value in each.items() if isinstance(name, str)} for each in fields]
    found = (plain_id_in(each.get(name.lower())) for name in names for each in lower)
    return next((each for each in found if each is not None), None)


def plain_id_in(value: Any) -> str | None:
    """An id that anybody may have typed into an address: None for none, and for one that is somebody's e-mail address."""
    found = name_in(value.strip() if isinstance(value, str) else value)
    return None if found is None or "@" in found else found


def answer(question_id: Any, question: Question, value: Any, pointer: str = "") -> Outside | None:
    """One answer; None when the value is neither a number nor one of the question's labels, as "not applicable" is none.

    Raises Rejected for a number outside the question's scale: to leave it out would count the answers of one end only.
    """
    low, high = question.scale
    score = _labelled(question, value)
    if score is None:
        score = float(value) if isinstance(value, bool) and question.metric == "yes_no" else number_in(value)
    if score is None:
        return None
    if not low <= score <= high:
        detail = f"the score lies outside {low:g} to {high:g}: set metric, scale_min and scale_max of this question in options.questions"
        raise Rejected(Reason.UNTRANSLATABLE, detail, pointer)
    said = low + high - score if question.reverse else score
    return {"question": name_in(question_id) or "overall", "metric": question.metric, "score": said, "scale_min": low, "scale_max": high}


def _labelled(question: Question, value: Any) -> float | None:
    if not question.labels or not (word := id_in(value).strip()):
        return None
    if word in question.labels:
        return question.labels[word]
    return next((score for label, score in question.labels.items() if label.strip().lower() == word.lower()), None)


def response_id_in(value: Any, name: str, pointer: str) -> str:
    """The id of a response, which names its event too. Raises Rejected when there is none."""
    found = identity(value)
    if not found.strip():
        raise Rejected(Reason.MISSING_FIELD, f"{name} names no response, so its corrections could not be told from new ones", pointer)
    return found


def responded(options: SurveyOptions, response_id: str, answers: Iterable[Outside | None], **fields: Any) -> Outside:
    """A response; answers that are None are left out. `fields` are further ones of `survey.responded`."""
    told = [each for each in answers if each is not None][:100]
    return {"type": "survey.responded", "response_id": response_id, "survey_type": options.survey_type, "answers": told, **fields}


def withdrawn(response_id: str) -> Outside:
    """The response was taken back."""
    return {"type": "fact.withdrawn", "of": f"{response_id}:survey.responded"}


def version_at(at: str | None) -> int:
    """The version of what was last changed at a time: its epoch seconds, 0 when the time is not said."""
    return 0 if at is None else min(int(datetime.fromisoformat(at).timestamp()), VERSION_MAX - 1)
