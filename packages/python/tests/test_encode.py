"""What is packed by hand, held against the protobuf library byte for byte."""

from __future__ import annotations

import math
import zlib
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moescope import answers, encode
from moescope.wire import LARGEST_WHOLE

whole = st.integers(0, LARGEST_WHOLE) | st.sampled_from([0, 1, 127, 128, 2**32, LARGEST_WHOLE])
uint32 = st.integers(0, 2**32 - 1) | st.sampled_from([0, 1, 127, 128, 2**14, 2**21, 2**28, 2**32 - 1])
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
doubles = st.floats() | st.sampled_from([0.0, -0.0, math.nan, math.inf])
singles = st.lists(st.floats(width=32) | st.just(math.nan), max_size=5)
counts = st.lists(uint32, max_size=9)


@st.composite
def layers(draw):
    return encode.MoeLayer(draw(uint32), draw(uint32), draw(uint32), draw(uint32), draw(words), draw(st.booleans()))


@st.composite
def descriptions(draw):
    return encode.RunDescription(
        id=draw(words), name=draw(words), config_json=draw(words), recipe=draw(words), strategy=draw(words),
        seed=draw(uint32), categories=draw(st.lists(words, max_size=3)), ranks=draw(uint32), code_version=draw(words),
        metrics_version=draw(uint32), tags=draw(st.lists(words, max_size=3)), started_at=draw(doubles),
        planned_steps=draw(whole), tokens_per_step=draw(whole), parent=draw(words),
        layers=draw(st.lists(layers(), max_size=3)),
    )  # fmt: skip


@st.composite
def routings(draw):
    return dict(
        category=draw(uint32),
        counts=draw(counts),
        tokens=draw(whole),
        dropped_counts=draw(counts),
        assignments=draw(whole),
    )


@st.composite
def histograms(draw):
    return dict(
        layer=draw(uint32), categories=draw(st.lists(routings(), max_size=3)), selection_bias=draw(singles),
        gate_mass=draw(singles), mean_probability=draw(singles),
    )  # fmt: skip


int32 = st.integers(-(2**31), 2**31 - 1) | st.sampled_from([-1, 0, -(2**31), 2**31 - 1])
numbers = st.floats(width=32) | st.sampled_from([0.0, -0.0, math.nan, math.inf])
attentions = st.fixed_dictionaries(dict(layer=uint32, head=int32, classes=st.lists(words, max_size=4), shares=singles))
profiles = st.fixed_dictionaries(
    dict(
        layer=uint32, head=uint32, previous_token=numbers, first_token=numbers, induction=numbers, local=numbers, broad=numbers
    )
)  # fmt: skip


@pytest.fixture(scope="session")
def messages(protobuf):
    return {name: protobuf(name) for name in ("ReportRequest", "ReportResponse")}


def checked(request, body: bytes) -> bytes:
    """What protobuf writes of `request` with a checksum over what it writes without."""
    plain = request.SerializeToString(deterministic=True)
    request.checksum = zlib.crc32(plain)
    assert body[: len(plain)] == plain
    return request.SerializeToString(deterministic=True)


def array(values):
    return np.array(values, np.int64)


@settings(max_examples=200, deadline=None)
@given(run=descriptions(), rank=uint32, attempt=uint32)
def test_hello_is_what_protobuf_writes(messages, run, rank, attempt):
    request = messages["ReportRequest"](hello=dict(protocol_version=2, run=asdict(run), rank=rank, attempt=attempt, checksums=True))
    packed = encode.hello(run, rank, attempt)
    assert packed == checked(request, packed)


@settings(max_examples=300, deadline=None)
@given(
    run=words, rank=uint32, attempt=uint32, sequence=whole, index=whole, tokens=whole, time=doubles,
    split=st.sampled_from(encode.Split), scalars=st.lists(st.tuples(words, doubles), max_size=4),
    layers=st.lists(histograms(), max_size=4), attention=st.lists(attentions, max_size=3), heads=st.lists(profiles, max_size=3),
)  # fmt: skip
def test_step_is_what_protobuf_writes(
    messages, run, rank, attempt, sequence, index, tokens, time, split, scalars, layers, attention, heads
):
    whose = dict(run=run, rank=rank, attempt=attempt)
    facts = dict(step=index, tokens=tokens, time=time, split=split)
    named = [dict(name=name, value=value) for name, value in scalars]
    shares = [dict(layer=of["layer"], head=of["head"], token_class=of["classes"], share=of["shares"]) for of in attention]
    request = messages["ReportRequest"](
        step=dict(**whose, sequence=sequence, **facts, scalars=named, histograms=layers, attention=shares, heads=heads)
    )
    by_hand = []
    for layer in layers:
        categories = []
        for routing in layer["categories"]:
            lost = routing["dropped_counts"]
            changed = dict(counts=array(routing["counts"]), dropped_counts=array(lost) if lost else None)
            categories.append(encode.CategoryRouting(**{**routing, **changed}))
        by_hand.append(encode.RoutingHistogram(**{**layer, "categories": categories}))
    looked = dict(attention=[encode.AttentionByToken(**of) for of in attention], heads=[encode.HeadProfile(**of) for of in heads])
    packed = encode.step(encode.Identity(**whose), sequence, encode.Step(**facts, scalars=scalars, histograms=by_hand, **looked))
    assert packed == checked(request, packed)


@given(run=words, sequence=whole, outcome=st.sampled_from(encode.Outcome), reason=words, ended_at=doubles)
def test_run_end_is_what_protobuf_writes(messages, run, sequence, outcome, reason, ended_at):
    end = dict(run=run, rank=3, attempt=1, sequence=sequence, outcome=outcome, reason=reason, ended_at=ended_at)
    packed = encode.run_end(encode.Identity(run, 3, 1), sequence, outcome, reason, ended_at)
    assert packed == checked(messages["ReportRequest"](end=end), packed)


def test_golden_bytes_of_a_step():
    routing = encode.CategoryRouting(category=1, counts=array([0, 300, 4]), tokens=152, dropped_counts=array([0, 1, 0]))
    histogram = encode.RoutingHistogram(layer=2, categories=[routing], selection_bias=[0.5, -1.0, 0.0])
    step = encode.Step(step=9, tokens=1000, time=2.0, scalars=[("loss", 1.5)], histograms=[histogram])
    packed = encode.step(encode.Identity("r", 1), 7, step)
    assert (
        packed.hex()
        == (
            "124c 0a0172 1001 2007 2809 30e807 390000000000000040 4001 4a0f 0a046c6f7373 11000000000000f83f"
            " 5222 0802 1210 0801 120400ac0204 189801 3a03000100 1a0c 0000003f 000080bf 00000000 7d"
        ).replace(" ", "")
        + zlib.crc32(packed[:-5]).to_bytes(4, "little").hex()
    )


def test_checksum_is_that_of_the_protocol():
    assert encode.with_checksum(b"123456789")[-5:].hex() == "7d2639f4cb"


@pytest.mark.parametrize("bad", [-1, 2**32])
def test_counts_that_do_not_fit_are_named(bad):
    step = encode.Step(0, 0, 0, histograms=[encode.RoutingHistogram(0, [encode.CategoryRouting(0, array([1, bad]), 1)])])
    with pytest.raises(ValueError, match=f"{bad}.*must be from 0 to 4294967295"):
        encode.step(encode.Identity("r"), 1, step)


def test_whole_numbers_that_readers_would_round_are_refused():
    with pytest.raises(ValueError, match="field 6 is 9007199254740992: must be from 0 to 9007199254740991"):
        encode.step(encode.Identity("r"), 1, encode.Step(0, 2**53, 0))


@given(run=words, rank=uint32, attempt=uint32, sequence=whole)
def test_acknowledgements_are_read(messages, run, rank, attempt, sequence):
    answer = messages["ReportResponse"](acknowledgement=dict(run=run, rank=rank, attempt=attempt, sequence=sequence))
    answer.checksum = zlib.crc32(answer.SerializeToString())
    assert answers.read_answer(answer.SerializeToString()) == answers.Acknowledgement(run, rank, attempt, sequence)


@given(run=words, sequence=whole, reason=st.sampled_from(answers.Reason), message=words)
def test_rejections_are_read(messages, run, sequence, reason, message):
    answer = messages["ReportResponse"](rejection=dict(run=run, sequence=sequence, reason=reason, message=message))
    answer.checksum = zlib.crc32(answer.SerializeToString())
    assert answers.read_answer(answer.SerializeToString()) == answers.Rejection(run, 0, 0, sequence, reason, message)


@given(st.data())
def test_an_answer_with_a_flipped_bit_is_damaged(messages, data):
    answer = messages["ReportResponse"](acknowledgement=dict(run="run", sequence=data.draw(whole)))
    answer.checksum = zlib.crc32(answer.SerializeToString())
    damaged = bytearray(answer.SerializeToString())
    bit = data.draw(st.integers(0, 8 * len(damaged) - 1))
    damaged[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ValueError, match="damaged"):
        answers.read_answer(bytes(damaged))
