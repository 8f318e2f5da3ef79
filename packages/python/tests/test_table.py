"""What lies in a spool: the same message comes out as when the histograms are packed at once, whatever they are."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_encode import uint32, whole, words

from moescope import encode, frames
from moescope.encode import CategoryRouting, Identity, RoutingHistogram, Split, Step
from moescope.table import StepTable

#: JSON keeps every number, but of NaN not which.
doubles = st.floats(allow_nan=False) | st.just(math.nan)
#: Counts and floats of a layer that has as many experts as asked.
counts_of = {experts: st.lists(uint32, min_size=experts, max_size=experts).map(np.array) for experts in range(1, 6)}
floats_of = {experts: st.lists(st.floats(width=32), min_size=experts, max_size=experts) for experts in range(1, 6)}


@st.composite
def routings(draw, category: int, experts: int):
    dropped = draw(st.none() | counts_of[experts])
    return CategoryRouting(category, draw(counts_of[experts]), draw(whole), dropped, draw(whole))


@st.composite
def histograms(draw, layer: int):
    experts = draw(st.integers(1, 5))
    categories = draw(st.lists(st.integers(0, 4095), min_size=1, max_size=4, unique=True))
    values = [draw(st.none() | floats_of[experts]) for _ in range(3)]
    return RoutingHistogram(layer, [draw(routings(category, experts)) for category in categories], *values)


@st.composite
def steps_of(draw):
    layers = draw(st.lists(uint32, max_size=5, unique=True))
    scalars = draw(st.lists(st.tuples(words, doubles), max_size=3))
    step = Step(draw(whole), draw(whole), draw(doubles), draw(st.sampled_from(Split)), scalars)
    return step, [draw(histograms(layer)) for layer in layers]


@settings(max_examples=300, deadline=None)
@given(made=steps_of(), whose=st.builds(Identity, words, uint32, uint32), sequence=whole, at=st.integers(0, 5))
def test_a_spooled_step_becomes_the_message_of_its_histograms(made, whose, sequence, at):
    step, found = made
    table = StepTable.of(found[:at]).beside(StepTable.of(found[at:]))
    content = frames.frame(whose, step, table)
    ascending = sorted(found, key=lambda histogram: histogram.layer)
    assert frames.message_of(content, sequence) == encode.step(whose, sequence, replace(step, histograms=ascending))
    assert table.most_tokens() == max((sum(r.tokens for r in h.categories) for h in found), default=0)


@given(sequence=whole)
def test_messages_of_earlier_versions_are_sent_as_they_are(sequence):
    message = encode.step(Identity("run"), 1, Step(3, 4, 5.0))
    assert frames.message_of(message, sequence) == message


@pytest.mark.parametrize("step", [Step(-1, 0, 0.0), Step(0, 2**53, 0.0)])
def test_numbers_that_no_message_can_have_are_refused_before_they_are_spooled(step):
    with pytest.raises(ValueError, match=r"must be from 0 to 9007199254740991"):
        frames.frame(Identity("run"), step, StepTable.of([]))


@pytest.mark.parametrize("count", [-1, 2**32])
def test_counts_that_no_message_can_have_are_refused_before_they_are_spooled(count):
    with pytest.raises(ValueError, match=r"counts have .*: must be from 0 to 4294967295"):
        StepTable.of([RoutingHistogram(0, [CategoryRouting(0, np.array([count, 1]), 1)])])
