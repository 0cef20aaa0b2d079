"""A body is read under a cap, whole, and in an encoding that was asked for; or it is refused."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedmux import BadPayload
from feedmux.body import inflated

CAP = 1000


@pytest.mark.parametrize("encoding", ["", "identity", " Identity "])
def test_a_plain_body_passes_as_it_is(encoding):
    assert inflated(b"{}", encoding, CAP) == b"{}"


@given(st.binary(max_size=CAP))
def test_what_was_packed_comes_out_again(body):
    assert inflated(gzip.compress(body), "gzip", CAP) == body
    assert inflated(gzip.compress(body), "x-gzip", CAP) == body
    assert inflated(zlib.compress(body), "deflate", CAP) == body


@pytest.mark.parametrize(("packed", "encoding"), [(gzip.compress, "gzip"), (zlib.compress, "deflate")])
def test_a_body_that_explodes_is_refused(packed, encoding):
    with pytest.raises(BadPayload, match="inflates to more"):
        inflated(packed(b"0" * 10_000_000), encoding, CAP * 20)


def test_a_bomb_is_not_inflated_beyond_the_cap():
    bomb = gzip.compress(gzip.compress(b"0" * 50_000_000))

    assert len(inflated(bomb, "gzip", CAP * 100)) < CAP * 100


def test_exactly_the_cap_passes():
    assert len(inflated(gzip.compress(b"x" * CAP), "gzip", CAP)) == CAP


def test_a_plain_body_beyond_the_cap_is_refused():
    with pytest.raises(BadPayload, match="larger than"):
        inflated(b"x" * (CAP + 1), "", CAP)


@given(st.binary(min_size=1, max_size=200), st.data())
def test_a_body_cut_anywhere_is_refused(body, data):
    packed = gzip.compress(body)
    cut = data.draw(st.integers(0, len(packed) - 1))

    with pytest.raises(BadPayload):
        inflated(packed[:cut], "gzip", CAP)


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "nonsense" * 100])
def test_an_encoding_that_was_not_asked_for_is_refused(encoding):
    with pytest.raises(BadPayload, match="not asked for"):
        inflated(b"{}", encoding, CAP)


@given(st.binary(max_size=200))
def test_what_is_not_gzip_is_refused_or_comes_out_whole(body):
    try:
        out = inflated(body, "gzip", CAP)
    except BadPayload:
        return
    assert len(out) <= CAP
