"""qwen3_moe.py on two ranks: FSDP2 around every block, with activation checkpointing. NCCL where there are GPUs, gloo on the CPU.

    pip install "packages/python[send]" torch transformers
    npx moescope collect                              # in another terminal; open the address that it prints
    torchrun --standalone --nproc-per-node 2 examples/python/qwen3_moe_fsdp2.py     # or with HOST:PORT of a collector elsewhere

Every rank calls `init`; the ranks find their run by themselves, and the collector adds them up. Takes less than a minute on one idle core.
"""

import os
import sys

import torch
import torch.distributed as dist
from corpus import CATEGORIES, batches
from qwen3_moe import CONFIG
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from transformers import Qwen3MoeForCausalLM

import moescope

STEPS = int(os.environ.get("STEPS", 60))


def main():
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if device == "cuda" else "gloo")
    mesh = init_device_mesh(device, (dist.get_world_size(),))

    torch.manual_seed(0)
    model = Qwen3MoeForCausalLM(CONFIG).to(device).train()
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    for block in model.model.layers:
        fully_shard(block, mesh=mesh)
    fully_shard(model, mesh=mesh)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    data = batches(seed=dist.get_rank())

    run = moescope.init(
        sys.argv[1] if len(sys.argv) > 1 else None, name="qwen3-moe, FSDP2 on two ranks", strategy="auxiliary-loss",
        config=CONFIG.to_dict(), categories=list(CATEGORIES), planned_steps=STEPS,
    )  # fmt: skip
    run.attach(model)  # after the model is sharded
    seen = 0
    for step in range(STEPS):
        tokens, category = (torch.from_numpy(array).to(device) for array in next(data))
        with run.tokens(category=category):
            loss = model(input_ids=tokens, labels=tokens).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        run.step(step, loss=loss, learning_rate=1e-3)  # each rank its own loss: the collector keeps first, last, least and most
        seen += tokens.numel() * dist.get_world_size()
    run.finish()
    if dist.get_rank() == 0:
        print(f"{STEPS} steps, {seen} tokens, loss {loss.item():.2f}")
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
