"""The story of a call, or of a live chat that is queued like one: waiting, answered or given up, passed on, ended."""

from __future__ import annotations

from typing import Any

from cli.company import generic, surveys
from cli.company.people import Customer, Issue
from cli.company.world import Message, World


def call_story(world: World, at_ms: int, customer: Customer, issue: Issue) -> list[Message]:
    """One call of the telephone system; one in seven is a live chat, one in fourteen goes from the company to the customer."""
    said: list[Message] = []
    call_id = f"c{world.number('call')}"

    def post(when_ms: int, kind: str, /, **fields: Any) -> None:
        said.append(generic.message(world, "telephone", when_ms, kind, call_id=call_id, **fields))

    team = issue.team
    channel = "chat" if world.chance(0.14) else "phone"
    outbound = channel == "phone" and world.chance(0.08)
    known = {**generic.about(customer), "channel": channel, "queue": team, "team": team, "issue_type": issue.name}
    post(at_ms, "call.queued", **known, direction="outbound" if outbound else "inbound")
    wait_ms = 900 if outbound else world.wait_ms(at_ms, 11, 0.9)
    if not outbound and wait_ms > 45_000 and world.chance(0.3):
        post(at_ms + 40_000, "call.callback_offered")
        if world.chance(0.5):
            post(at_ms + 44_000, "call.callback_accepted")
            wait_ms += world.span_ms(900)
            outbound = True  # whoever will be called back does not wait on the line and cannot give up
    if not outbound and world.chance(min(0.5, 0.02 + wait_ms / 400_000 * world.slowness(at_ms))):
        patience_ms = int(wait_ms * world.rng.random()) + 1
        post(at_ms + patience_ms, "call.abandoned", reason="short" if patience_ms < 5000 else "caller")
        return said
    at_ms += wait_ms
    agent = world.agent(team)
    post(at_ms, "call.answered", agent_id=agent, team=team)
    talk_s = world.span_ms(190) // 1000 + 5
    if world.chance(0.1):
        other = world.agent(team, but=agent)
        mode = "warm" if world.chance(0.5) else "cold"
        post(at_ms + talk_s * 400, "call.transferred", mode=mode, to_queue=team, agent_id=other)
        agent = other
    held_s = world.span_ms(40) // 1000 if world.chance(0.25) else 0
    at_ms += (talk_s + held_s) * 1000
    ended = {"agent_id": agent, "team": team, "talk_seconds": talk_s, "hold_seconds": held_s}
    uid = world.uid()
    post(at_ms, "call.ended", **ended, wrap_seconds=world.span_ms(35) // 1000, id=uid)
    if world.chance(0.01):  # the telephone system found a better figure and says the same event again, in a higher version
        said.append(_corrected(world, said[-1], world.span_ms(60) // 1000))
    if world.chance(0.03):
        complaint = {"complaint_id": f"k{world.number('complaint')}", "channel": channel, "team": team, "department": team}
        said.append(generic.message(world, "telephone", at_ms + world.span_ms(60), "complaint.raised", customer, **complaint))
    if world.chance(0.3):
        said += surveys.after_call(world, at_ms, customer, team)
    return said


def _corrected(world: World, ended: Message, wrap_s: int) -> Message:
    """The same event again with a higher version; posted later, though it says the same time."""
    return ended._replace(body={**ended.body, "wrap_seconds": wrap_s, "version": 1})
