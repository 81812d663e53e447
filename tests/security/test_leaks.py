"""The search for secrets finds them: hidden in each form, at any place; and finds nothing where there is nothing."""

from __future__ import annotations

import base64
import html
import json
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.security.leaks import leaks

SECRET = 'Zw3/"q\\ü +k9==&tail'
FORMS = {
    "as it stands": SECRET.encode(),
    "in capitals": SECRET.encode().upper(),
    "in hex": SECRET.encode().hex().encode(),
    "in capital hex": SECRET.encode().hex().upper().encode(),
    "in base64": base64.b64encode(SECRET.encode()),
    "in base64 of addresses": base64.urlsafe_b64encode(SECRET.encode()).rstrip(b"="),
    "in base64 after a user": base64.b64encode(b"u:" + SECRET.encode()),
    "in base64 amid something": base64.b64encode(b"ab" + SECRET.encode() + b"xyz"),
    "in an address": quote(SECRET, safe="").encode(),
    "in a form": urlencode({"a": SECRET}).encode(),
    "in a form, by itself": quote_plus(SECRET).encode(),
    "in JSON": json.dumps({"a": SECRET}).encode(),
    "in JSON, not escaped": json.dumps({"a": SECRET}, ensure_ascii=False).encode(),
    "in JSON as PHP writes it": json.dumps(SECRET).replace("/", "\\/").encode(),
    "in a repr": repr({"a": SECRET}).encode(),
    "in a repr of bytes": repr(SECRET.encode()).encode(),
    "in HTML": html.escape(SECRET).encode(),
    "backwards": SECRET.encode()[::-1],
}


@settings(max_examples=15)
@given(before=st.binary(max_size=50), after=st.binary(max_size=50))
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_a_secret_is_found_in_each_form(form: bytes, before: bytes, after: bytes) -> None:
    assert [found.split(" as ")[0] for found in leaks(before + form + after, {"key": SECRET, "other": "n0t-th1s-one"})[:1]] == ["key"]


@given(st.text(min_size=12, max_size=60), st.binary(max_size=20), st.binary(max_size=20))
def test_base64_of_anything_with_a_secret_in_it_is_found(secret: str, before: bytes, after: bytes) -> None:
    assert leaks(base64.b64encode(before + secret.encode() + after), {"key": secret})


@given(st.text(max_size=200))
def test_nothing_is_found_where_nothing_is(said: str) -> None:
    assert leaks(said.encode(), {"key": SECRET}) == []
