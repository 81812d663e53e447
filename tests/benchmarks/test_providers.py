"""The cost of each provider: what is measured is what a sender would send, each delivery a new one."""

from __future__ import annotations

import pytest

from benchmarks.providers import TARGET_US, Cost, cost_of, environ, post_of, settings_of, table, usable
from services.ingest.providers import PROVIDERS
from services.ingest.sources import Proof, source_of
from tests.services.ingest.mutations import Request, of_kind

SETTINGS = settings_of(sorted(PROVIDERS))


def test_every_kind_is_in_the_mix() -> None:
    assert {request.kind for request in usable(SETTINGS)} == set(PROVIDERS)


@pytest.mark.parametrize("kind", sorted(PROVIDERS))
def test_each_post_of_the_mix_is_new_and_its_sender_is_let_in(kind: str) -> None:
    source = source_of(kind, SETTINGS.sources[kind], SETTINGS, environ())
    sample = next(request for request in of_kind(kind) if request.name == "sample")
    bodies = set()
    for number in range(20):
        post = post_of(sample, number, SETTINGS)
        token = post.path.removeprefix(f"/webhooks/{kind}").removeprefix("/") or None
        assert source.proof(post.delivery, token) is not Proof.NONE
        assert source.provider.translate(post.delivery, source.options).items
        bodies.add(post.delivery.body)
        head, _, body = post.wire().partition(b"\r\n\r\n")
        assert body == post.delivery.body
        assert head.startswith(b"%s /webhooks/%s" % (post.delivery.method.encode(), kind.encode()))
        assert b"content-length: %d" % len(body) in head
    assert len(bodies) == 20


def test_a_cost_is_measured_and_a_kind_above_the_target_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    cost = cost_of(of_kind("zendesk")[0], rounds=1)
    assert cost.verify_us > 0
    assert cost.translate_us > 0
    assert cost.events >= 0
    quick = [Cost(Request(kind, "a", b"{}", {}), 1.0, 1.0, 1.0, 1) for kind in PROVIDERS]
    assert table(quick) == []
    slow = Cost(Request("zendesk", "b", b"{}", {}), TARGET_US, 1.0, 1.0, 1)
    assert table([*quick, slow]) == ["zendesk"]
    assert "ABOVE THE TARGET" in capsys.readouterr().out
