"""`deskpulse rejected` without a broker: what is said of each reason, how letters are joined, chosen, shown and sent again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.app import run
from cli.rejected_advice import ADVICE, advice
from cli.rejected_letters import Kept, Parts, Wanted
from cli.rejected_replay import Outcome, Publishing, is_left, send_again
from cli.rejected_text import plain, told_of
from schemas.codec import encode_event
from schemas.deadletters import AGGREGATOR, DeadLetter, letters_of
from schemas.events import TicketSolved
from schemas.rejections import Reason
from services.ingest.admission import packed
from services.ingest.packer import Packed, Unavailable
from services.ingest.replay import FINAL, Replay
from tests.services.ingest.senders import Remembering

NOW_MS = 1_772_450_000_000


class Stored(NamedTuple):
    """A record of `rejected` as a consumer hands it out."""

    offset: int
    timestamp: int
    value: bytes | None
    partition: int = 0


def records(body: bytes, reason: Reason = Reason.NOT_JSON, *, salt: str = "", first: int = 0, **said: Any) -> list[Stored]:
    """The records of one letter."""
    fields = {"source": "shop", "kind": "standardwebhooks", "received_at_ms": NOW_MS, "headers": {}, **said}
    found = letters_of(reason, "what was found", "/at", body, salt=salt, **fields)
    return [Stored(offset, NOW_MS + offset, value) for offset, (_, value) in enumerate(found, first)]


def joined(stored: Sequence[Stored]) -> list[Kept]:
    """The letters of some records, the incomplete ones last."""
    parts = Parts()
    found = [kept for record in stored if (kept := parts.taken(record)) is not None]
    return [*found, *parts.incomplete()]


def letter(reason: Reason = Reason.NOT_JSON, body: bytes = b"{]", **said: Any) -> Kept:
    """One letter."""
    [kept] = joined(records(body, reason, **said))
    return kept


def test_every_reason_has_an_advice_and_only_what_can_help_is_replayed() -> None:
    assert set(ADVICE) == set(Reason)
    assert [reason for reason in FINAL if ADVICE[reason].endswith("then replay")] == []
    assert "another version" in advice("made_up")


@given(st.binary(max_size=300), st.integers(1, 3))
def test_parts_come_together_byte_for_byte(piece: bytes, times: int) -> None:
    body = piece * 2000 * times
    [kept] = joined(records(body))
    assert (kept.body, kept.whole, kept.id) == (body, True, "0-0")


def test_parts_of_two_letters_may_lie_between_each_other() -> None:
    one, two = records(b"1" * 1_500_000, salt="1"), records(b"2" * 1_500_000, salt="2", first=3)
    mixed = [record for pair in zip(one, two, strict=True) for record in pair]
    assert [(kept.id, kept.body[:1], len(kept.body)) for kept in joined(mixed)] == [("0-0", b"1", 1_500_000), ("0-3", b"2", 1_500_000)]


def test_a_letter_without_all_its_parts_comes_last_and_says_so() -> None:
    stored = [records(b"1" * 1_500_000)[2], Stored(9, NOW_MS, b"no letter"), Stored(10, NOW_MS, None), *records(b"x", first=11)]
    assert [(kept.id, kept.whole) for kept in joined(stored)] == [("0-11", True), ("0-2", False)]


@pytest.mark.parametrize(
    ("wanted", "held"),
    [
        pytest.param(Wanted(), True, id="everything"),
        pytest.param(Wanted(since_ms=NOW_MS), True, id="since is closed"),
        pytest.param(Wanted(since_ms=NOW_MS + 1), False, id="older"),
        pytest.param(Wanted(until_ms=NOW_MS), False, id="until is open"),
        pytest.param(Wanted(reasons=frozenset({"not_json", "poison"})), True, id="one of the reasons"),
        pytest.param(Wanted(reasons=frozenset({"poison"})), False, id="another reason"),
        pytest.param(Wanted(source="bus"), False, id="another source"),
        pytest.param(Wanted(ids=frozenset({"0-0"})), True, id="its position"),
        pytest.param(Wanted(ids=frozenset({letter().letter.id})), True, id="its own id"),
        pytest.param(Wanted(ids=frozenset({"0-1"})), False, id="another id"),
    ],
)
def test_what_is_wanted(wanted: Wanted, held: bool) -> None:
    assert wanted.holds(letter()) is held


@pytest.mark.parametrize(
    ("body", "text", "shown"),
    [
        pytest.param('{"a": "ä"}\r\n'.encode(), '{"a": "ä"}\r\n', '{"a": "ä"}\r\n', id="text"),
        pytest.param(b"\xff\x00A", None, "\n00000000  ff 00 41", id="not UTF-8"),
        pytest.param(b"\x1b[2Jgone", None, "\n00000000  1b 5b 32 4a 67 6f 6e 65", id="what a terminal obeys"),
        pytest.param(b"", "", "", id="nothing"),
    ],
)
def test_a_body_is_shown_as_text_or_in_hex(body: bytes, text: str | None, shown: str) -> None:
    kept = letter(body=body)
    assert str(told_of(kept, as_json=False)["body"]).startswith(shown)
    assert told_of(kept, as_json=True)["body_text"] == text


def test_nothing_of_a_sender_is_obeyed_by_the_terminal() -> None:
    kept = letter(headers={"webhook-id": "\x1b[31m"}, source="shop\u202e")
    assert "\x1b" not in json.dumps(told_of(kept, as_json=False), ensure_ascii=False)
    assert plain("a\x1b\n\u202eä") == "a\\x1b\\n\\u202eä"


@pytest.mark.parametrize("reason", list(Reason))
def test_what_sending_again_cannot_change_is_left_unless_it_is_asked_for(reason: Reason) -> None:
    kept = letter(reason)
    left = reason in FINAL or reason is Reason.POISON
    assert is_left(kept, Wanted()) is left
    assert is_left(kept, Wanted(reasons=frozenset({reason.value}))) is (reason in FINAL)
    assert is_left(kept, Wanted(ids=frozenset({kept.id}))) is False


SOLVED = TicketSolved(id="s", source="desk", occurred_at_ms=5, received_at_ms=7, ticket_id="t")


async def outcome_of(kept: Sequence[Kept], wanted: Wanted = Wanted(), *, dry: bool = False) -> tuple[Outcome, list[Packed]]:  # noqa: B008
    """What becomes of letters, and what was published for them."""
    published: list[Packed] = []

    async def put(into: Sequence[Packed]) -> asyncio.Future[None]:
        published.extend(into)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    async def found() -> AsyncIterator[Kept]:
        for one in kept:
            yield one

    outcome = Outcome()
    await send_again(found(), wanted, Replay({}, 4), None if dry else put, lambda: NOW_MS, outcome)
    return outcome, published


@pytest.mark.parametrize("dry", [False, True], ids=["sent", "dry run"])
async def test_what_becomes_of_each_is_told(dry: bool) -> None:
    good = letter(Reason.BAD_FIELD, encode_event(SOLVED), kind=AGGREGATOR)
    half = letter(Reason.BAD_FIELD, b"[" + encode_event(SOLVED) + b",{}]", kind=AGGREGATOR)
    [cut, *_] = joined(records(b"1" * 1_500_000)[1:])
    outcome, published = await outcome_of([good, half, cut, letter(), letter(Reason.CONFLICTING_ID)], dry=dry)
    told = outcome.as_dict()
    assert {name: told[name] for name in ("letters", "accepted_letters", "accepted_events", "still_rejected", "reasons")} == {
        "letters": 5, "accepted_letters": 1, "accepted_events": 2, "still_rejected": 3,
        "reasons": {"bad_field": 1, "incomplete": 1, "source_unknown": 1},
    }  # fmt: skip
    assert [(row["before"], row["reason"]) for row in told["still"]] == [
        ("bad_field", "bad_field"), ("not_json", "incomplete"), ("not_json", "source_unknown"),
    ]  # fmt: skip
    assert told["left"]["conflicting_id"]["letters"] == 1
    assert len(published) == (0 if dry else 2)


async def test_one_that_cannot_be_helped_is_sent_when_asked_for() -> None:
    kept = letter(Reason.BEYOND_RETENTION, encode_event(SOLVED), kind=AGGREGATOR)
    outcome, published = await outcome_of([kept], Wanted(ids=frozenset({kept.id})))
    assert (outcome.events, len(published), outcome.left.total()) == (1, 1, 0)


def test_an_older_record_without_the_newer_fields_is_read() -> None:
    fields = msgspec.json.decode(records(b"x")[0].value or b"")
    for name in ("ordinal", "position"):
        fields.pop(name, None)
    assert msgspec.convert(fields, DeadLetter).ordinal is None


@pytest.mark.parametrize("command", ["list", "show", "replay"])
def test_every_subcommand_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rejected", command, "--help"]) == 0
    assert f"Usage: deskpulse rejected {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(["list", "--reason", "poisn"], "the nearest is poison", id="unknown reason"),
        pytest.param(["list", "--since", "soon"], "--since: a time is written as", id="no time"),
        pytest.param(["replay", "--id", "seven"], "seven is no id", id="no id"),
        pytest.param(["show", "0-x"], "0-x is no id", id="no id to show"),
        pytest.param(["list", "--limit", "0"], "--limit", id="no limit"),
        pytest.param(["list", "--wait", "0.1"], "no Kafka broker answered at 127.0.0.1:1", id="no broker"),
        pytest.param(["replay", "--wait", "0.1"], "no Kafka broker answered at 127.0.0.1:1", id="no broker to replay on"),
    ],
)
def test_wrong_use_and_an_absent_broker_are_exit_2(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESKPULSE_KAFKA__BOOTSTRAP", "127.0.0.1:1")
    assert run(["rejected", *arguments]) == 2
    assert says in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("arguments", [["list"], ["show", "0-0"], ["replay"]], ids=lambda arguments: arguments[0])
def test_a_wrong_configuration_stops_every_subcommand(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deskpulse.toml").write_text("[kafka]\nbootstrp = 'x:1'\n")
    monkeypatch.chdir(tmp_path)
    assert run(["rejected", *arguments]) == 2
    assert "kafka.bootstrp: found an unknown key" in capsys.readouterr().err


async def test_a_publisher_is_connected_only_when_there_is_something_to_publish() -> None:
    remembering = Remembering()
    remembering.away = True
    async with Publishing(remembering, 0, 0.1) as publishing:
        pass  # nothing to publish: nobody asks whether Kafka is there
    async with Publishing(remembering, 0, 0.1) as publishing:
        with pytest.raises(Unavailable, match="away"):
            await publishing.put(packed(SOLVED, 4))
    remembering.away = False
    async with Publishing(remembering, 0, 0.1) as publishing:
        await (await publishing.put(packed(SOLVED, 4)))
        remembering.away = True
        with pytest.raises(Unavailable):
            await (await publishing.put(packed(SOLVED, 4)))
    assert remembering.events == [SOLVED]
