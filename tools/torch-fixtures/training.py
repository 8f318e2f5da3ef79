"""Trains the exported runs in PyTorch: the loss, the gradient norm, every expert's load and the narrowest choice of each step."""

import json
import math

import torch
import torch.nn.functional as F

from formulas import switch_loss
from model import Routing, Transformer


def train_all(path: str) -> dict:
    """@param path: what export-runs.ts wrote"""
    with open(path) as file:
        exported = json.load(file)
    batches = exported["batches"]
    runs = {run["name"]: {"choice": run["choice"], "steps": train(run, batches)} for run in exported["runs"]}
    return {"batches": batches, "runs": runs}


def train(run: dict, batches: list[list[int]]) -> list[dict]:
    recipe = run["recipe"]
    start = {p["name"]: torch.tensor(p["values"]).view(p["shape"]) for p in run["parameters"]}
    model = Transformer(recipe["model"], start)
    optimizer = adamw(model, recipe["optimizer"])
    steps = [one_step(model, optimizer, recipe, step, tokens) for step, tokens in enumerate(batches)]
    print(f"{run['name']}: loss {steps[0]['loss']:.4f} to {steps[-1]['loss']:.4f}")
    return steps


def adamw(model: Transformer, options: dict) -> torch.optim.AdamW:
    """Gains and the embedding are not decayed."""
    plain = lambda name: name == "embedding" or name.endswith("norm")
    named = model.parameters.items()
    return torch.optim.AdamW(
        [
            {"params": [p for name, p in named if not plain(name)], "weight_decay": options["weightDecay"]},
            {"params": [p for name, p in named if plain(name)], "weight_decay": 0},
        ],
        betas=(options["beta1"], options["beta2"]),
        eps=options["epsilon"],
    )


def one_step(model: Transformer, optimizer: torch.optim.AdamW, recipe: dict, step: int, tokens: list[int]) -> dict:
    tokens_BS1 = torch.tensor(tokens).view(recipe["data"]["batch"], -1)
    logits, routings = model.forward(tokens_BS1[:, :-1])
    cross_entropy = F.cross_entropy(logits.flatten(0, 1), tokens_BS1[:, 1:].flatten())
    loss = cross_entropy + sum(layer_loss(routing, recipe) for routing in routings)
    optimizer.zero_grad()
    loss.backward()
    norm = torch.stack([p.grad.norm() for p in model.parameters.values() if p.grad is not None]).norm().item()
    for p in model.parameters.values():
        if p.grad is not None:
            p.grad *= min(1, recipe["optimizer"]["clipNorm"] / norm)
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(step, recipe)
    optimizer.step()
    move_biases(model, routings, recipe["balancing"])
    return {
        "loss": loss.item(),
        "crossEntropy": cross_entropy.item(),
        "gradientNorm": norm,
        "counts": [routing.counts_E.int() for routing in routings],
        "margin": min(routing.margin for routing in routings),
    }


def layer_loss(routing: Routing, recipe: dict) -> torch.Tensor:
    balancing, strategy = recipe["balancing"], recipe["balancing"]["strategy"].split("+")
    total = torch.zeros((), dtype=torch.float64)
    if "auxiliary-loss" in strategy:
        total = total + balancing["coefficient"] * switch_loss(routing.probabilities_TE, routing.preferred_TE)
    if "deepseek-v3" in strategy:
        length = recipe["data"]["sequence"]
        pairs = zip(routing.probabilities_TE.split(length), routing.preferred_TE.split(length))
        total = total + balancing["coefficient"] * torch.stack([switch_loss(p, chosen) for p, chosen in pairs]).mean()
    if "z-loss" in strategy:
        total = total + balancing["zCoefficient"] * routing.logits_TE.logsumexp(-1).square().mean()
    return total


def move_biases(model: Transformer, routings: list[Routing], balancing: dict) -> None:
    if balancing["strategy"] not in ("loss-free-bias", "deepseek-v3"):
        return
    for layer, routing in zip(model.moe_layers, routings):
        n_E = routing.counts_E
        model.biases[layer] += balancing["speed"] * (n_E.mean() - n_E).sign()


def learning_rate(step: int, recipe: dict) -> float:
    options, steps = recipe["optimizer"], recipe["steps"]
    warmup, highest, final = options["warmupSteps"], options["learningRate"], options["finalShare"]
    if step < warmup:
        return highest * (step + 1) / warmup
    progress = (step - warmup) / (steps - 1 - warmup)
    return highest * (final + (1 - final) * 0.5 * (1 + math.cos(math.pi * progress)))
