"""Trains a small Qwen3-MoE from random weights on the text files of this repository, and reports it to a collector.

    pip install "packages/python[send]" torch transformers
    npx moescope collect                              # in another terminal; open the address that it prints
    python examples/python/qwen3_moe.py               # or with HOST:PORT of a collector elsewhere

Bytes are the tokens. Half of the samples are code, half are documentation, and the dashboard shows which experts each of them goes to.
Takes less than a minute on one idle core.

A model so small and so young sends most tokens to a few experts, and the dashboard says so: its alerts are right.
"""

import os
import sys

import torch
from corpus import CATEGORIES, batches
from transformers import Qwen3MoeConfig, Qwen3MoeForCausalLM

import moescope

STEPS = int(os.environ.get("STEPS", 100))
CONFIG = Qwen3MoeConfig(
    vocab_size=256, hidden_size=64, intermediate_size=128, moe_intermediate_size=64, num_hidden_layers=4, num_attention_heads=4,
    num_key_value_heads=2, head_dim=16, num_experts=16, num_experts_per_tok=2, output_router_logits=True, router_aux_loss_coef=0.1,
)  # fmt: skip


def main():
    torch.manual_seed(0)
    model = Qwen3MoeForCausalLM(CONFIG).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    data = batches(seed=0)

    run = moescope.init(
        sys.argv[1] if len(sys.argv) > 1 else None, name="qwen3-moe on this repository", strategy="auxiliary-loss",
        config=CONFIG.to_dict(), categories=list(CATEGORIES), planned_steps=STEPS,
    )  # fmt: skip
    run.attach(model)
    seen = 0
    for step in range(STEPS):
        tokens, category = map(torch.from_numpy, next(data))
        with run.tokens(category=category):
            loss = model(input_ids=tokens, labels=tokens).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        run.step(step, loss=loss, learning_rate=1e-3)
        seen += tokens.numel()
    run.finish()
    print(f"{STEPS} steps, {seen} tokens, loss {loss.item():.2f}")


if __name__ == "__main__":
    main()
