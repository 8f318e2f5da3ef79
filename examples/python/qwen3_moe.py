"""Trains a small Qwen3-MoE from random weights on the text files of this repository, and reports it to a collector.

    pip install "packages/python[send]" torch transformers
    npx moescope collect                              # in another terminal; open the address that it prints
    python examples/python/qwen3_moe.py               # or with HOST:PORT of a collector elsewhere

Bytes are the tokens. Half of the samples are code, half are documentation, and the dashboard shows which experts each of them goes to.
Takes about a minute on one idle core.
"""

import pathlib
import sys

import torch
from transformers import Qwen3MoeConfig, Qwen3MoeForCausalLM

import moescope

STEPS, SAMPLES, LENGTH = 60, 8, 128
REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
CATEGORIES = {"code": ("packages/*/src/**/*.ts", "packages/*/src/**/*.py"), "docs": ("*.md", "packages/**/README.md", "tools/**/*.md")}


def text_of(patterns):
    """All files of a category as one row of bytes."""
    files = sorted(path for pattern in patterns for path in REPOSITORY.glob(pattern) if "node_modules" not in path.parts)
    return torch.frombuffer(bytearray(b"\n".join(path.read_bytes() for path in files)), dtype=torch.uint8).long()


def batches(texts, generator):
    """Endless (tokens [SAMPLES, LENGTH], category [SAMPLES]), each sample from a random place of a random category."""
    while True:
        category = torch.randint(0, len(texts), (SAMPLES,), generator=generator)
        starts = [int(torch.randint(0, len(texts[c]) - LENGTH, (), generator=generator)) for c in category]
        yield torch.stack([texts[c][start : start + LENGTH] for c, start in zip(category, starts, strict=True)]), category


def main():
    torch.manual_seed(0)
    config = Qwen3MoeConfig(
        vocab_size=256, hidden_size=64, intermediate_size=128, moe_intermediate_size=64, num_hidden_layers=4, num_attention_heads=4,
        num_key_value_heads=2, head_dim=16, num_experts=16, num_experts_per_tok=2, output_router_logits=True, router_aux_loss_coef=0.01,
    )  # fmt: skip
    model = Qwen3MoeForCausalLM(config).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    data = batches([text_of(patterns) for patterns in CATEGORIES.values()], torch.Generator().manual_seed(0))

    run = moescope.init(
        sys.argv[1] if len(sys.argv) > 1 else None, name="qwen3-moe on this repository", strategy="auxiliary-loss",
        config=config.to_dict(), categories=list(CATEGORIES), planned_steps=STEPS,
    )  # fmt: skip
    run.attach(model)
    for step in range(STEPS):
        tokens, category = next(data)
        with run.tokens(category=category):
            loss = model(input_ids=tokens, labels=tokens).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        run.step(step, loss=loss, learning_rate=3e-3)
    run.finish()
    print(f"{STEPS} steps, loss {loss.item():.2f}")


if __name__ == "__main__":
    main()
