"""Probes of attention heads, held against the trainer's own numbers for the same attention, and drawn by the command."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import collector
import numpy as np
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import (
    BertConfig,
    BertModel,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MambaConfig,
    MambaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from moescope import attention
from moescope.probe import heads_of, probe, repeated_rows
from moescope.token_classes import DEFAULT, classify

transformers.logging.set_verbosity_error()

TRAINER = Path(__file__).resolve().parent / "trainer-probe.mjs"
built = pytest.mark.skipif(not collector.available(), reason="not built: npm ci && npx nx build @moescope/cli in the repository's root")
#: Texts of tokens 0 … 15: of every default class, and other.
TEXTS = ["#", " ##", "*", "**\n", " ", "\n\n", "\t", "a", "the", "# a", "x*", "é", "", "0", "#*", "."]
SMALL = dict(vocab_size=16, bos_token_id=None, eos_token_id=None, initializer_range=1.0)


def gpt2(layers: int = 48) -> GPT2LMHeadModel:
    """Weights are large, so that attention is far from even."""
    torch.manual_seed(1)
    return GPT2LMHeadModel(GPT2Config(n_layer=layers, n_head=3, n_embd=12, n_positions=32, **SMALL))


def qwen2() -> Qwen2ForCausalLM:
    torch.manual_seed(2)
    shape = dict(hidden_size=16, intermediate_size=16, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2)
    return Qwen2ForCausalLM(Qwen2Config(**shape, **SMALL))


def llama() -> LlamaForCausalLM:
    torch.manual_seed(3)
    shape = dict(hidden_size=16, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1)
    return LlamaForCausalLM(LlamaConfig(**shape, **SMALL))


def some_tokens(sequences: int = 3, positions: int = 21) -> torch.Tensor:
    return torch.randint(0, len(TEXTS), (sequences, positions), generator=torch.Generator().manual_seed(5))


def all_attention(model: torch.nn.Module, tokens: torch.Tensor) -> np.ndarray:
    """[L, B, H, S, S], as transformers itself returns them."""
    model.eval()
    model.set_attn_implementation("eager")
    with torch.no_grad():
        return torch.stack(model(tokens, output_attentions=True).attentions).numpy()


def trainers_numbers(folder: Path, model: torch.nn.Module, tokens: torch.Tensor) -> dict:
    text, repeats = all_attention(model, tokens), all_attention(model, torch.from_numpy(repeated_rows(tokens.numpy())))
    layers, _, heads, positions, _ = text.shape
    shape = dict(layers=layers, heads=heads, positions=positions, tokens=tokens.tolist(), texts=TEXTS)
    (folder / "shape.json").write_text(json.dumps(shape))
    (folder / "text.f32").write_bytes(text.astype("<f4").tobytes())
    (folder / "repeats.f32").write_bytes(repeats.astype("<f4").tobytes())
    done = subprocess.run(["node", str(TRAINER), str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@built
@pytest.mark.parametrize("make", [gpt2, qwen2, llama])
def test_a_probe_says_what_the_trainer_says_of_the_same_attention(tmp_path, make):
    model, tokens = make(), some_tokens()
    scalars, shares, profiles = probe(model, tokens, DEFAULT, TEXTS.__getitem__)
    truth = trainers_numbers(tmp_path, model, tokens)
    assert dict(scalars) == pytest.approx(
        {f"attention/uniform/{name}": value for name, value in zip(truth["classes"], truth["uniform"], strict=True)}, abs=1e-5
    )
    found = {(of.layer, of.head): of for of in shares}
    assert all(of.classes == truth["classes"] for of in shares)
    heads = [(layer, head, of) for layer, whole in enumerate(truth["layers"]) for head, of in enumerate(whole)]
    assert len(found) == len(heads) + len(truth["layers"]) and len(profiles) == len(heads)
    for profile, (layer, head, of) in zip(profiles, heads, strict=True):
        ours = [profile.previous_token, profile.first_token, profile.induction, profile.local, profile.broad]
        assert (profile.layer, profile.head) == (layer, head)
        assert ours == pytest.approx(list(of["profile"].values()), abs=1e-5)
        assert np.asarray(found[layer, head].shares) == pytest.approx(of["shares"], abs=1e-5)
    for layer, whole in enumerate(truth["layers"]):
        assert np.asarray(found[layer, -1].shares) == pytest.approx(np.mean([of["shares"] for of in whole], axis=0), abs=1e-5)
    # Heads that differ, or this would say little.
    assert len({of["category"] for _, _, of in heads}) > 1


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 20), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_scores_are_what_loops_over_every_query_and_key_find(positions, sequences, seed):
    generator = np.random.default_rng(seed)
    given = np.tril(generator.random((sequences, 2, positions, positions)) ** 4 + 1e-9)
    given /= given.sum(-1, keepdims=True)
    classes = np.eye(3)[generator.integers(0, 3, (sequences, positions))]
    first, period = positions // 2, positions // 2
    truth, induction, shares = np.zeros((2, 4)), np.zeros(2), np.zeros((2, 3))
    for b, h, query, key in np.ndindex(sequences, 2, positions, positions):
        weight = given[b, h, query, key]
        shares[h] += weight * classes[b, key] / (sequences * positions)
        if query < first or weight == 0:
            continue
        near = [key == query - 1, key == 0, query - key < 8, -np.log(weight) / np.log(query + 1)]
        truth[h] += weight * np.array(near) / (sequences * (positions - first))
        induction[h] += weight * (key == query - period + 1) / (sequences * (positions - first))
    tensor = torch.from_numpy(given)
    assert attention.text_scores(tensor).numpy() == pytest.approx(truth)
    assert attention.induction_scores(tensor).numpy() == pytest.approx(induction)
    assert attention.shares_by_class(tensor, torch.from_numpy(classes)).numpy() == pytest.approx(shares)


def test_the_model_is_left_as_it_was_and_sequences_may_come_a_few_at_a_time(monkeypatch):
    model = gpt2(3)
    model.train()
    model.transformer.h[1].eval()
    model.set_attn_implementation("sdpa")
    together = probe(model, some_tokens(), DEFAULT, TEXTS.__getitem__)
    monkeypatch.setattr("moescope.probe._AT_A_TIME", 1)
    apart = probe(model, some_tokens(), DEFAULT, TEXTS.__getitem__)
    for one, other in zip(together[1], apart[1], strict=True):
        assert np.asarray(one.shares) == pytest.approx(other.shares, abs=1e-6)
    for one, other in zip(together[2], apart[2], strict=True):
        assert list(vars(one).values()) == pytest.approx(list(vars(other).values()), abs=1e-6)
    assert (model.config._attn_implementation, model.training) == ("sdpa", True)
    assert [block.training for block in model.transformer.h] == [True, False, True]
    assert not any(module._forward_hooks for module in model.modules())


def test_no_more_than_a_layer_is_in_memory():
    model, alive = gpt2(6), []

    def measure(attention_BHSS: torch.Tensor, first: int) -> torch.Tensor:
        import weakref

        alive.append(weakref.ref(attention_BHSS))
        assert sum(of() is not None for of in alive) <= 2
        return attention_BHSS.new_zeros(3, 1)

    model.set_attn_implementation("eager")
    assert len(heads_of(model, some_tokens().numpy(), measure)) == len(alive) == 6


def test_a_compiled_model():
    expected = probe(qwen2(), some_tokens(), DEFAULT, TEXTS.__getitem__)
    plain = qwen2().eval()
    plain.set_attn_implementation("eager")
    model = torch.compile(plain, backend="eager")
    with torch.no_grad():
        model(input_ids=some_tokens(), use_cache=False, logits_to_keep=1)
    assert [vars(one) for one in probe(model, some_tokens(), DEFAULT, None)[2]] == [vars(other) for other in expected[2]]


def test_shares_of_16_bits_are_no_more_than_all():
    _, shares, profiles = probe(qwen2().bfloat16(), some_tokens(), DEFAULT, TEXTS.__getitem__)
    sums = [float(np.sum(of.shares)) for of in shares]
    assert min(sums) > 0.99 and max(sums) <= 1 + 1e-4
    assert max(of.local for of in profiles) <= 1 + 1e-4


class EvenAttention(torch.nn.Module):
    """Gives every position up to the query's own the same."""

    def forward(self, x):
        weights = torch.ones(x.shape[0], 2, x.shape[1], x.shape[1]).tril()
        return x, weights / weights.sum(-1, keepdim=True)


class WrappedAttention(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = EvenAttention()

    def forward(self, x):
        return self.inner(x)


class OwnModel(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = torch.nn.ModuleList(WrappedAttention() for _ in range(2))

    def forward(self, input_ids):
        for block in self.blocks:
            input_ids, _ = block(input_ids)
        return input_ids


def test_a_model_of_ones_own_whose_attention_has_a_module_around_it():
    scalars, shares, profiles = probe(OwnModel(), some_tokens(), DEFAULT, TEXTS.__getitem__)
    assert [(of.layer, of.head) for of in profiles] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    for of in shares:
        assert list(of.shares) == pytest.approx([share for _, share in scalars], abs=1e-6)
    assert [of.broad for of in profiles] == pytest.approx([1.0] * 4, abs=1e-6)


def test_models_that_cannot_be_probed_say_why():
    mamba = MambaForCausalLM(MambaConfig(vocab_size=16, hidden_size=8, state_size=2, num_hidden_layers=1))
    with pytest.raises(ValueError, match="MambaForCausalLM gave no attention: expected a model of transformers 5"):
        probe(mamba, some_tokens(), DEFAULT, None)
    shape = dict(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
    bert = BertModel(BertConfig(vocab_size=16, **shape))
    with pytest.raises(ValueError, match=r"encoder.layer.0.* attends to later tokens"):
        probe(bert, some_tokens(), DEFAULT, None)


@pytest.mark.parametrize("tokens", [[1, 2, 3], [[1]], [[1.0, 2.0]], np.zeros((0, 4), np.int64)])
def test_tokens_of_another_shape_are_refused(tokens):
    with pytest.raises(ValueError, match=r"tokens have the shape .*: must be integers \[B, S\], S at least 2, without padding"):
        probe(gpt2(1), tokens, DEFAULT, None)


@given(st.integers(2, 40), st.lists(st.integers(0, 30), min_size=1, max_size=40))
def test_repeated_rows_repeat_tokens_of_the_text(positions, occurring):
    text = np.resize(np.array(occurring), (1, positions))
    rows, period = repeated_rows(text), positions // 2
    assert rows.shape == (4, positions) and set(rows.flat) <= set(text.flat)
    assert (rows[:, period:] == rows[:, :-period]).all()
    once = min(period, len(set(text.flat)))
    assert all(len(set(row[:once])) == once for row in rows.tolist())
    assert (repeated_rows(text) == rows).all()


def test_classes_are_the_first_that_match():
    found = classify(np.array([[0, 4], [7, 2]]), {"hash or space": r"^[# ]$", "any": "."}, TEXTS.__getitem__)
    assert found.tolist() == [[0, 0], [1, 1]]
    with pytest.raises(ValueError, match="token class 'other' is what matches no pattern"):
        classify(np.array([1]), {"other": "a"}, TEXTS.__getitem__)
    with pytest.raises(ValueError, match=r"token class 'a' has the pattern '\(': must be a regular expression"):
        classify(np.array([1]), {"a": "("}, TEXTS.__getitem__)


@built
def test_the_command_draws_the_figures_of_a_probed_model(tmp_path):
    import moescope

    lab = collector.Collector(tmp_path / "data")
    try:
        run = moescope.init(lab.address, name="gpt2", spool=tmp_path / "spool")
        model = gpt2(48)
        # Weights that nobody trains, then after an update.
        run.probe(model, some_tokens(), text=TEXTS.__getitem__)
        run.step(7, loss=1.0)
        run.probe(model, some_tokens(), text=TEXTS.__getitem__)
        probed = probe(model, some_tokens(), DEFAULT, TEXTS.__getitem__)
        assert run.finish(seconds=60)
        stored = lab.get(f"runs/{run.id}/probe")
        assert (stored["steps"], len(stored["heads"]), len(stored["attention"])) == ([0, 7], 48 * 3, 48 * 4)
        for name in ("attention-by-token", "heads-by-bin"):
            file = tmp_path / f"{name}.csv"
            command = ["node", str(collector.COMMAND), "figure", name, "--runs", run.id, "--out", str(file), "--url", lab.url]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            rows = [line.split(",") for line in file.read_text().splitlines()[1:]]
            if name == "heads-by-bin":
                assert sum(int(row[5]) for row in rows) == 48 * 3
            else:
                means = {of.layer: dict(zip(of.classes, of.shares, strict=True)) for of in probed[1] if of.head == -1}
                assert {row[2] for row in rows} == {"0", "23", "47"} and {row[3] for row in rows} == set(DEFAULT)
                assert all(float(row[4]) == pytest.approx(100 * means[int(row[2])][row[3]], rel=1e-5) for row in rows)
    finally:
        lab.stop()
