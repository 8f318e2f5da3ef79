"""Models of other frameworks, trained on the CPU where their packages are installed: see requirements-frameworks.txt.

What is theirs is real: model, router, dispatch, experts, checkpointing, optimizer hooks. What they only have for a GPU and what stands in
for it is said in each test. The truth is counted twice: from the inputs of their routers with the equation of the router written out
again, and by the counters that frameworks have of their own.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import spooled
import torch
import torch.distributed as dist

import moescope

EXPERTS, TOP_K, WIDTH, LENGTH, LAYERS = 8, 2, 32, 12, 3
UPDATES, MICRO_BATCHES = 3, 2
HERE = pathlib.Path(__file__).resolve().parent


@pytest.fixture
def alone(tmp_path):
    """A process group of this process alone."""
    dist.init_process_group("gloo", store=dist.FileStore(str(tmp_path / "store"), 1), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


class Choices:
    """Counts [LAYERS, EXPERTS] from the inputs of routers, of forwards alone: what a backward computes again is not recorded."""

    def __init__(self, routers, chosen):
        """chosen: from a router and its input [T, WIDTH] to numbers of experts [T, K]."""
        self.counts = torch.zeros(len(routers), EXPERTS, dtype=torch.int64)
        self.recording = False
        for row, router in enumerate(routers):
            router.register_forward_pre_hook(self._count(row, chosen), with_kwargs=True)

    def _count(self, row, chosen):
        def count(router, args, kwargs):
            if self.recording:
                x = (args[0] if args else next(iter(kwargs.values()))).detach()
                with torch.no_grad():
                    self.counts[row] += torch.bincount(chosen(router, x.reshape(-1, x.shape[-1])).reshape(-1), minlength=EXPERTS)

        return count


def best(scores, k=TOP_K):
    return scores.argsort(dim=-1, descending=True)[:, :k]


def train(run, choices, loss, step, counters, validated=lambda: None):
    """Trains with micro-batches, and evaluates in between.

    Args:
        loss: of the model, for a seed.
        step: of the optimizer, and zero_grad.
        counters: gives [LAYERS, EXPERTS] as the framework counts them itself, read before the step.
        validated: called after each evaluation.

    Returns:
        counts of each update, from the inputs of routers and as the framework counted them.
    """
    expected, theirs = [], []
    for update in range(UPDATES):
        choices.counts.zero_()
        for micro_batch in range(MICRO_BATCHES):
            choices.recording = True
            value = loss(10 * update + micro_batch)
            choices.recording = False
            value.backward()
        expected.append(choices.counts.tolist())
        theirs.append(counters())
        step()
        run.step(update, loss=value)
        with torch.no_grad():
            loss(99)
        validated()
    run.finish()
    return expected, theirs


def begun(folder):
    return moescope.init(mode="offline", spool=folder, run_id="there")


def reported(folder, protobuf):
    hello, steps, _ = spooled.read(folder, protobuf)
    return hello, steps, [spooled.counts(step).tolist() for step in steps]


def tokens_of(seed, samples=2):
    return torch.randint(0, 64, (samples, LENGTH), generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("checkpointing", ["none", "full", "selective"])
def test_torchtitan(tmp_path, protobuf, alone, monkeypatch, capfd, checkpointing):
    """Its Qwen3-MoE, optimizer and balancing hook. Its FlexAttention has no backward on a CPU: its plain one is put in. Its counter
    counts recomputed forwards too."""
    qwen3 = pytest.importorskip("torchtitan.models.qwen3")
    from torchtitan.components.optimizer import register_moe_load_balancing_hook
    from torchtitan.components.optimizer.optimizer import OptimizersContainer, ParamGroupConfig
    from torchtitan.distributed import activation_checkpoint, parallel_dims
    from torchtitan.models.common import CosSinRoPE, Embedding, Linear
    from torchtitan.models.common.attention import ScaledDotProductAttention

    monkeypatch.setattr(parallel_dims, "device_type", "cpu")
    torch.manual_seed(0)
    layers = qwen3._build_qwen3_moe_layers(
        n_layers=LAYERS, dim=WIDTH, n_heads=2, n_kv_heads=1, head_dim=16, moe_hidden_dim=16, num_experts=EXPERTS, top_k=TOP_K,
        attn_backend="flex", moe_comm_backend="standard", rope=CosSinRoPE.Config(dim=16, max_seq_len=64, theta=1e4),
    )  # fmt: skip
    for layer in layers:
        layer.attention.inner_attention = ScaledDotProductAttention.Config()
    model = qwen3.Qwen3Model.Config(
        vocab_size=64, dim=WIDTH, norm=qwen3._qwen3_norm(WIDTH), layers=layers,
        tok_embeddings=Embedding.Config(num_embeddings=64, embedding_dim=WIDTH, param_init=qwen3._EMBEDDING_INIT),
        lm_head=Linear.Config(in_features=WIDTH, out_features=64, param_init=qwen3._LINEAR_INIT),
    ).build()  # fmt: skip
    model.init_states()
    kinds = {"full": activation_checkpoint.FullAC, "selective": activation_checkpoint.SelectiveAC}
    if checkpointing in kinds:
        kinds[checkpointing](kinds[checkpointing].Config()).apply(model)
    adam = ParamGroupConfig(pattern=".*", optimizer_name="AdamW", optimizer_kwargs={"lr": 1e-2})
    optimizers = OptimizersContainer.Config(param_groups=[adam], implementation="for-loop").build(model_parts=[model])
    one = dict.fromkeys(("dp_replicate", "dp_shard", "cp", "tp", "pp", "ep", "world_size"), 1)
    register_moe_load_balancing_hook(optimizers, [model], parallel_dims.ParallelDims(**one))
    moes = [block.moe for block in model.layers.values()]
    assert [type(moe).__name__ for moe in moes] == ["MoE"] * LAYERS

    def chosen(router, x):
        bias = next(moe.expert_bias_E for moe in moes if moe.router is router)
        return best((x @ router.gate.weight.t()).softmax(-1) + bias)

    def loss(seed):
        tokens = tokens_of(seed)
        logits = model(tokens, torch.arange(LENGTH).expand(2, -1))
        return torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())

    def step():
        optimizers.step()
        optimizers.zero_grad()

    run = begun(tmp_path / "spool")
    run.attach(model)
    assert "3 MoE layers, 8 experts, top-2, selection bias, TokenChoiceTopKRouter" in capfd.readouterr().err
    choices = Choices([moe.router for moe in moes], chosen)

    def counters():
        return torch.stack([moe.tokens_per_expert_E for moe in moes]).long()

    def validated():  # here in training mode, so that only gradients say what counts
        for moe in moes:
            moe.tokens_per_expert_E.zero_()

    expected, theirs = train(run, choices, loss, step, counters, validated)
    _, steps, counts = reported(tmp_path / "spool", protobuf)
    assert counts == expected
    times = 1 if checkpointing == "none" else 2
    assert [counted.tolist() for counted in theirs] == (times * np.array(expected)).tolist()
    biases = [[histogram.selection_bias for histogram in step.histograms] for step in steps]
    assert not np.any(biases[0])
    assert np.all(np.any(biases[1], axis=1))
    for histogram, moe in zip(steps[-1].histograms, moes, strict=True):
        assert abs(np.array(histogram.selection_bias) - moe.expert_bias_E.numpy()).max() < 3 * moe.load_balance_coeff


def test_megatron(tmp_path, protobuf, alone, monkeypatch, capfd):
    """Its GPTModel of the local layers, with experts one after the other. It asks CUDA for the device's number: the CPU is told. Without
    Transformer Engine a name is missing in 0.16.1: it is set to what it then has to be."""
    parallel_state = pytest.importorskip("megatron.core.parallel_state")
    from megatron.core.models.gpt.gpt_layer_specs import get_gpt_layer_local_spec
    from megatron.core.models.gpt.gpt_model import GPTModel
    from megatron.core.tensor_parallel.random import initialize_rng_tracker
    from megatron.core.transformer.moe import moe_utils
    from megatron.core.transformer.transformer_config import TransformerConfig

    monkeypatch.setattr(torch.cuda, "current_device", lambda: torch.device("cpu"))
    monkeypatch.setattr(moe_utils, "te_general_gemm", None, raising=False)
    parallel_state.initialize_model_parallel()
    # That of inference keeps no states of CUDA's generators.
    initialize_rng_tracker(inference_rng_tracker=True, force_reset=True)
    torch.manual_seed(0)
    config = TransformerConfig(
        num_layers=LAYERS, hidden_size=WIDTH, num_attention_heads=2, num_moe_experts=EXPERTS, moe_router_topk=TOP_K, moe_ffn_hidden_size=16,
        moe_router_score_function="sigmoid", moe_router_enable_expert_bias=True, moe_router_load_balancing_type="none",
        moe_token_dispatcher_type="allgather", moe_grouped_gemm=False, use_cpu_initialization=True, add_bias_linear=False,
        hidden_dropout=0.0, attention_dropout=0.0, gradient_accumulation_fusion=False,
    )  # fmt: skip
    model = GPTModel(
        config, get_gpt_layer_local_spec(num_experts=EXPERTS, normalization="LayerNorm"), vocab_size=64, max_sequence_length=LENGTH
    )
    routers = [layer.mlp.router for layer in model.decoder.layers]
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    hidden = ~torch.ones(1, 1, LENGTH, LENGTH, dtype=torch.bool).tril()

    def loss(seed):
        model.train(torch.is_grad_enabled())
        tokens = tokens_of(seed)
        return model(tokens, torch.arange(LENGTH).expand(2, -1), hidden, labels=tokens).mean()

    def step():
        optimizer.step()
        optimizer.zero_grad()
        for router in routers:  # as its finalize_model_grads does with what it counted
            router.expert_bias += 1e-2 * (router.local_tokens_per_expert.mean() - router.local_tokens_per_expert).sign()
            router.local_tokens_per_expert.zero_()

    run = begun(tmp_path / "spool")
    run.attach(model)
    assert "3 MoE layers, 8 experts, top-2, selection bias, TopKRouter" in capfd.readouterr().err
    choices = Choices(routers, lambda router, x: best((x @ router.weight.t()).sigmoid() + router.expert_bias))

    def counters():
        return torch.stack([router.local_tokens_per_expert for router in routers]).long()

    expected, theirs = train(run, choices, loss, step, counters)
    _, steps, counts = reported(tmp_path / "spool", protobuf)
    assert counts == expected
    assert [counted.tolist() for counted in theirs] == expected
    assert np.all(np.any([histogram.selection_bias for histogram in steps[1].histograms], axis=1))
    parallel_state.destroy_model_parallel()


@pytest.mark.parametrize("checkpointing", [False, True])
def test_automodel(tmp_path, protobuf, alone, monkeypatch, capfd, checkpointing):
    """Its Qwen3-MoE with experts in a loop. It makes its rotary embedding on a GPU: that is made on the CPU. Padding is left out of its
    counter as of ours."""
    module = pytest.importorskip("nemo_automodel.components.models.qwen3_moe.model")
    from nemo_automodel.components.models.common import BackendConfig
    from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import checkpoint_wrapper
    from transformers import Qwen3MoeConfig

    rotary = module.RotaryEmbedding
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(module, "RotaryEmbedding", lambda **given: rotary(**{**given, "device": torch.device("cpu")}))
    torch.manual_seed(0)
    config = Qwen3MoeConfig(
        vocab_size=64, hidden_size=WIDTH, intermediate_size=16, moe_intermediate_size=16, num_hidden_layers=LAYERS, num_attention_heads=2,
        num_key_value_heads=1, head_dim=16, num_experts=EXPERTS, num_experts_per_tok=TOP_K, dtype="float32",
    )  # fmt: skip
    backend = BackendConfig(attn="sdpa", linear="torch", rms_norm="torch", rope_fusion=False, experts="torch", dispatcher="torch")
    model = module.Qwen3MoeForCausalLM(config, backend=backend).float()
    model.initialize_weights(buffer_device=torch.device("cpu"), dtype=torch.float32)
    gates = [layer.mlp.gate for layer in model.model.layers.values()]
    for gate in gates:
        torch.nn.init.normal_(gate.weight)
        gate._track_load_balance = True
    if checkpointing:
        for name, layer in list(model.model.layers.items()):
            model.model.layers[name] = checkpoint_wrapper(layer)
    loads = torch.zeros(LAYERS, EXPERTS, dtype=torch.int64)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    kept = torch.ones(2, LENGTH, dtype=torch.bool)
    kept[1, 7:] = False

    def loss(seed):
        tokens = tokens_of(seed)
        out = model(input_ids=tokens, attention_mask=kept.long(), padding_mask=~kept)
        logits = out if isinstance(out, torch.Tensor) else out.logits
        if torch.is_grad_enabled():
            loads.add_(torch.stack([gate._last_expert_load for gate in gates]))
        return torch.nn.functional.cross_entropy(logits[kept], tokens[kept])

    def step():
        optimizer.step()
        optimizer.zero_grad()
        loads.zero_()

    run = begun(tmp_path / "spool")
    run.attach(model)
    assert "3 MoE layers, 8 experts, top-2, no bias, Gate" in capfd.readouterr().err
    choices = Choices(gates, lambda gate, x: best(x @ gate.weight.t())[kept.reshape(-1)])
    expected, theirs = train(run, choices, loss, step, loads.clone)
    _, steps, counts = reported(tmp_path / "spool", protobuf)
    assert counts == expected
    assert [counted.tolist() for counted in theirs] == expected
    assert {routing.tokens for step in steps for h in step.histograms for routing in h.categories} == {MICRO_BATCHES * int(kept.sum())}


def test_deepspeed(tmp_path, protobuf, alone, monkeypatch, capfd):
    """Its engine with its MoE layers, whose experts have a capacity. With k = 2 it draws the second expert: there only its own counter
    knows the truth. Its all-reduce for CPUs would be compiled for minutes: that of gloo is used."""
    of_layer = (1, 2, 4)
    deepspeed = pytest.importorskip("deepspeed")
    from deepspeed.moe.layer import MoE

    monkeypatch.setitem(deepspeed.ops.__compatible_ops__, "deepspeed_shm_comm", False)
    for name, value in {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0"}.items():
        monkeypatch.setenv(name, value)
    deepspeed.init_distributed("gloo", auto_mpi_discovery=False, verbose=False)
    torch.manual_seed(0)

    class Block(torch.nn.Module):
        def __init__(self, k):
            super().__init__()
            expert = torch.nn.Sequential(torch.nn.Linear(WIDTH, 16), torch.nn.ReLU(), torch.nn.Linear(16, WIDTH))
            self.moe = MoE(WIDTH, expert, num_experts=EXPERTS, k=k, capacity_factor=1.0, min_capacity=1)

        def forward(self, x):
            return x + self.moe(x)[0]

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = torch.nn.Embedding(64, WIDTH)
            self.layers = torch.nn.ModuleList(Block(k) for k in of_layer)

        def forward(self, tokens):
            x = self.embedding(tokens)
            for layer in self.layers:
                x = layer(x)
            logits = x @ self.embedding.weight.t()
            return torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())

    config = {
        "train_micro_batch_size_per_gpu": 2, "gradient_accumulation_steps": MICRO_BATCHES, "zero_optimization": {"stage": 0},
        "optimizer": {"type": "AdamW", "params": {"lr": 1e-2, "torch_adam": True}},
    }  # fmt: skip
    engine, *_ = deepspeed.initialize(model=Model(), config=config)
    layers = [block.moe.deepspeed_moe for block in engine.module.layers]
    totals, dropped = (torch.zeros(LAYERS, EXPERTS, dtype=torch.int64) for _ in range(2))
    capacity = torch.tensor([[-(-2 * LENGTH * k // EXPERTS)] for k in of_layer])

    boundaries = []

    class Loss:
        """Its engine goes backward and steps by itself."""

        def __init__(self, value):
            self.value = value

        def backward(self):
            engine.backward(self.value)
            boundaries.append(engine.is_gradient_accumulation_boundary())
            engine.step()

        def __float__(self):
            return self.value.item()

    def loss(seed):
        engine.train(torch.is_grad_enabled())
        value = engine(tokens_of(seed))
        if torch.is_grad_enabled():
            counted = torch.stack([layer.exp_counts for layer in layers])
            totals.add_(counted)
            dropped.add_((counted - capacity).clamp(min=0))
        return Loss(value)

    all_dropped = []

    def counters():
        all_dropped.append(dropped.tolist())
        return totals.clone()

    def step():
        totals.zero_()
        dropped.zero_()

    run = begun(tmp_path / "spool")
    run.attach(engine)
    assert "3 MoE layers, 8 experts, top-1, 2, 4, no bias, TopKGate" in capfd.readouterr().err
    choices = Choices([layer.gate for layer in layers], lambda gate, x: best(x @ gate.wg.weight.t(), gate.k))
    expected, theirs = train(run, choices, loss, step, counters)
    _, steps, counts = reported(tmp_path / "spool", protobuf)
    assert counts == [counted.tolist() for counted in theirs]
    for row in (0, 2):
        assert [update[row] for update in counts] == [update[row] for update in expected]
    assert [[list(h.categories[0].dropped_counts) for h in step.histograms] for step in steps] == all_dropped
    assert np.any(all_dropped)
    assert boundaries == [False, True] * UPDATES
    assert engine.global_steps == UPDATES


OLMO = f"""
import os, sys
os.environ["TRITON_INTERPRET"] = "1"  # before Triton's kernels are defined
sys.path.insert(0, {str(HERE)!r})
import torch, moescope
from test_frameworks_train import *
import olmo_core.kernels.moe as kernels
from olmo_core.nn.moe import MoERouterConfig
from olmo_core.nn.transformer import TransformerConfig

for kernel in vars(kernels).values():
    if hasattr(kernel, "configs"):  # which is fastest would be measured on a GPU
        kernel.configs = kernel.configs[:1]
(out,) = sys.argv[1:]
torch.manual_seed(0)
config = TransformerConfig.llama_like_moe(
    d_model=WIDTH, vocab_size=64, n_layers=LAYERS, n_heads=2, num_experts=EXPERTS, top_k=TOP_K, expert_hidden_size=16, dropless=True
)
config.block.feed_forward_moe.router = MoERouterConfig(top_k=TOP_K, bias_gamma=1e-2)
model = config.build(init_device="cpu")
model.init_weights(max_seq_len=LENGTH, device=torch.device("cpu"))
routers = [block.feed_forward_moe.router for block in model.blocks.values()]
optimizer = torch.optim.AdamW(model.parameters(), 1e-2)

def loss(seed):
    model.train(torch.is_grad_enabled())
    tokens = tokens_of(seed, 1)
    logits = model(tokens)
    logits = logits if isinstance(logits, torch.Tensor) else logits.logits
    return torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())

def step():
    model.post_batch()
    optimizer.step()
    optimizer.zero_grad()
    model.reset_auxiliary_metrics()

def chosen(router, x):
    scores = (x @ router.weight.reshape(EXPERTS, -1).t()).softmax(-1)
    return best(scores + (0 if router.score_bias is None else router.score_bias))

run = begun(out)
run.attach(model)
choices = Choices(routers, chosen)
counters = lambda: torch.stack([router.batch_size_per_expert for router in routers]).long().tolist()
torch.save(train(run, choices, loss, step, counters), out + ".truth")
"""


def test_olmo_core(tmp_path, protobuf):
    """Its dropless MoE transformer, of which it checkpoints no blocks. Its Triton kernels are interpreted; which of their settings is
    fastest would be measured on a GPU."""
    pytest.importorskip("olmo_core.nn.moe.router")
    pytest.importorskip("triton")
    script, out = tmp_path / "train.py", tmp_path / "spool"
    script.write_text(OLMO)
    command = [sys.executable, str(script), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    assert "3 MoE layers, 8 experts, top-2, selection bias, MoELinearRouter" in done.stderr
    expected, theirs = torch.load(f"{out}.truth")
    _, steps, counts = reported(out, protobuf)
    assert counts == expected
    assert theirs == expected
    assert np.all(np.any([histogram.selection_bias for histogram in steps[1].histograms], axis=1))
