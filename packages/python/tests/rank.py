"""One rank of test_parallel.py, started by torchrun: `rank.py COLLECTOR SPOOL WAY...`. Leaves run ids and true counts in SPOOL.WAY.RANK."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable

import qwen
import torch
import torch.distributed as dist
import toy
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.pipelining import PipelineStage, Schedule1F1B
from torch.nn.parallel import DistributedDataParallel

import moescope

STEPS = 5
#: Of each step, [C, L, E] of this rank's tokens.
Counts = list[torch.Tensor]


def unequal(seed: int, rank: int) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """A batch of as many samples and tokens as this rank happens to have."""
    inputs, category = qwen.batch(seed)
    samples, length = 1 + (seed + rank) % 4, 5 + rank
    return {name: value[:samples, :length] for name, value in inputs.items()}, category[:samples]


def train(run: moescope.Run, model: torch.nn.Module, plain: qwen.Qwen3MoeForCausalLM, truth: qwen.Truth, steps: int) -> Counts:
    rank, expected = dist.get_rank(), []
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    for step in range(steps):
        inputs, category = unequal(10 * step + rank, rank)
        expected.append(truth.counts(plain, inputs, category))
        with run.tokens(category=category):
            loss = model(**inputs).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        run.step(step, loss=loss)
    return expected


def ddp(run: moescope.Run) -> Counts:
    """The first rank has the most batches; the others leave early and join in its collectives."""
    plain = qwen.model()
    truth, model = qwen.Truth(plain), DistributedDataParallel(plain)
    run.attach(model)
    with model.join():
        return train(run, model, plain, truth, STEPS - dist.get_rank())


def fsdp(run: moescope.Run) -> Counts:
    plain = qwen.model()
    truth, mesh = qwen.Truth(plain), init_device_mesh("cpu", (dist.get_world_size(),))
    for block in plain.model.layers:
        fully_shard(block, mesh=mesh)
    model = fully_shard(plain, mesh=mesh)
    run.attach(model)
    return train(run, model, plain, truth, STEPS)


class Stage(torch.nn.Module):
    """Layers keep the numbers that they have in the whole model. The second stage has one of three."""

    def __init__(self, whole: toy.Toy, rank: int) -> None:
        super().__init__()
        self.layers = torch.nn.ModuleDict({str(n): block for n, block in enumerate(whole.layers) if (n == 2) == (rank == 1)})

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for block in self.layers.values():
            x = torch.utils.checkpoint.checkpoint(block, x, use_reentrant=False)
        return x


def pipeline(run: moescope.Run) -> Counts:
    """1F1B with four micro-batches: forwards of later ones run between those of a micro-batch and its backward. The weights stay."""
    torch.manual_seed(0)
    whole, rank = toy.Toy(), dist.get_rank()
    model = Stage(copy.deepcopy(whole), rank)
    schedule = Schedule1F1B(PipelineStage(model, rank, 2, torch.device("cpu")), 4, loss_fn=lambda y, _: y.square().mean())
    run.attach(model)
    expected = []
    for step in range(STEPS):
        x = toy.batch(step, samples=8).detach()
        schedule.step(x) if rank == 0 else schedule.step(target=torch.zeros(8))
        run.step(step)
        counts = toy.true_counts(whole, x)
        counts[[2] if rank == 0 else [0, 1]] = 0
        expected.append(counts[None])
    return expected


WAYS: dict[str, Callable[[moescope.Run], Counts]] = {"ddp": ddp, "fsdp": fsdp, "pipeline": pipeline}

if __name__ == "__main__":
    address, spool, *ways = sys.argv[1:]
    dist.init_process_group("gloo")
    for way in ways:
        begun = moescope.init(address, categories=["all"] if way == "pipeline" else qwen.CATEGORIES, spool=spool, name=way)
        found = WAYS[way](begun)
        assert begun.finish(seconds=120)
        torch.save((begun.id, found), f"{spool}.{way}.{dist.get_rank()}")
    dist.destroy_process_group()
