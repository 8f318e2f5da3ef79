"""A small Mixture-of-Experts language model in plain JAX, whose own counts go to the collector by `run.log_counts`.

    pip install "packages/python[send]" jax optax
    npx moescope collect                              # in another terminal; open the address that it prints
    python examples/python/jax_by_hand.py             # or with HOST:PORT of a collector elsewhere

Nothing is attached: the loss function returns, beside the loss, how many assignments each expert got of each category, and how many of
them its capacity dropped. Only these lines are about moescope: `routed` in `moe`, and `report`. Takes less than a minute on one idle core.

Letters at the end of a name are the axes of an array: S samples, N places of a sample, T = S x N tokens, D width, K experts of a token,
E experts, F width of an expert, P places that an expert has, C categories, L layers.
"""

import os
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
from corpus import CATEGORIES, LENGTH, SAMPLES, batches

import moescope

STEPS = int(os.environ.get("STEPS", 100))
LAYERS, WIDTH, HEADS, EXPERTS, TOP_K, EXPERT_WIDTH = 4, 64, 4, 16, 2, 64
CAPACITY = int(1.25 * SAMPLES * LENGTH * TOP_K / EXPERTS)


def initial(key):
    def normal(*shape):
        nonlocal key
        key, here = jax.random.split(key)
        return jax.random.normal(here, shape) * shape[-2] ** -0.5

    def layer():
        return {
            "qkv": normal(WIDTH, 3 * WIDTH),
            "out": normal(WIDTH, WIDTH),
            "router": normal(WIDTH, EXPERTS),
            "up": normal(EXPERTS, WIDTH, EXPERT_WIDTH),
            "down": normal(EXPERTS, EXPERT_WIDTH, WIDTH),
        }

    return {"embedding": normal(256, WIDTH), "places": normal(LENGTH, WIDTH), "layers": [layer() for _ in range(LAYERS)]}


def normalised(x):
    return x * jax.lax.rsqrt(jnp.mean(x * x, axis=-1, keepdims=True) + 1e-6)


def attention(layer, x_SND):
    query, key, value = jnp.split(x_SND @ layer["qkv"], 3, axis=-1)
    heads = (SAMPLES, LENGTH, HEADS, WIDTH // HEADS)
    mixed = jax.nn.dot_product_attention(query.reshape(heads), key.reshape(heads), value.reshape(heads), is_causal=True)
    return mixed.reshape(x_SND.shape) @ layer["out"]


def moe(layer, x_TD, category_TC):
    """Switch's auxiliary loss (2101.03961) and capacity: an expert takes the first CAPACITY tokens, and what comes later is dropped."""
    scores_TE = jax.nn.softmax(x_TD @ layer["router"])
    gates_TK, chosen_TK = jax.lax.top_k(scores_TE, TOP_K)
    chosen_TKE = jax.nn.one_hot(chosen_TK, EXPERTS, dtype=jnp.int32)
    queue_TKE = jnp.cumsum(chosen_TKE.reshape(-1, EXPERTS), axis=0).reshape(chosen_TKE.shape) - 1
    place_TK = jnp.sum(queue_TKE * chosen_TKE, axis=-1)
    dropped_TKE = chosen_TKE * (place_TK >= CAPACITY)[..., None]

    # Places beyond the capacity are outside of the array: nothing is written there, and zeros are read.
    repeated_TKD = jnp.broadcast_to(x_TD[:, None], (*chosen_TK.shape, WIDTH))
    taken_EPD = jnp.zeros((EXPERTS, CAPACITY, WIDTH)).at[chosen_TK, place_TK].set(repeated_TKD, mode="drop")
    hidden_EPF = jax.nn.silu(jnp.einsum("epd,edf->epf", taken_EPD, layer["up"]))
    given_EPD = jnp.einsum("epf,efd->epd", hidden_EPF, layer["down"])
    given_TKD = given_EPD.at[chosen_TK, place_TK].get(mode="fill", fill_value=0)

    balance = EXPERTS * jnp.mean(scores_TE, axis=0) @ jnp.mean(chosen_TKE, axis=(0, 1))
    routed = {"counts": category_TC.T @ chosen_TKE.sum(1), "dropped": category_TC.T @ dropped_TKE.sum(1)}  # [C, E], whole numbers
    return jnp.sum(gates_TK[..., None] * given_TKD, axis=1), balance, routed


def loss_of(parameters, tokens_SN, category_S):
    """The loss, and what every layer routed: [L, C, E]."""
    category_TC = jax.nn.one_hot(jnp.repeat(category_S, LENGTH), len(CATEGORIES), dtype=jnp.int32)
    x_SND = parameters["embedding"][tokens_SN] + parameters["places"]
    balances, layers = [], []
    for layer in parameters["layers"]:
        x_SND += attention(layer, normalised(x_SND))
        mixed_TD, balance, routed = moe(layer, normalised(x_SND).reshape(-1, WIDTH), category_TC)
        x_SND += mixed_TD.reshape(x_SND.shape)
        balances.append(balance)
        layers.append(routed)
    logits = (normalised(x_SND) @ parameters["embedding"].T)[:, :-1]
    loss = optax.softmax_cross_entropy_with_integer_labels(logits, tokens_SN[:, 1:]).mean()
    return loss + 0.1 * sum(balances) / LAYERS, jax.tree.map(lambda *each: jnp.stack(each), *layers)


def report(run, step, loss, routed):
    """Sends what a step routed. Reading the arrays waits for the step that made them."""
    counts_LCE, dropped_LCE = np.asarray(routed["counts"]), np.asarray(routed["dropped"])
    for layer in range(LAYERS):
        for place, category in enumerate(CATEGORIES):
            run.log_counts(layer, counts_LCE[layer, place], dropped=dropped_LCE[layer, place], top_k=TOP_K, category=category)
    run.step(step, loss=float(loss), learning_rate=1e-3)
    return int(dropped_LCE.sum())


def main():
    parameters = initial(jax.random.key(0))
    optimizer = optax.adamw(1e-3)
    state = optimizer.init(parameters)
    data = batches(seed=0)

    @jax.jit
    def update(parameters, state, tokens, category):
        (loss, routed), gradients = jax.value_and_grad(loss_of, has_aux=True)(parameters, tokens, category)
        changes, state = optimizer.update(gradients, state, parameters)
        return optax.apply_updates(parameters, changes), state, loss, routed

    run = moescope.init(
        sys.argv[1] if len(sys.argv) > 1 else None, name="JAX by hand", strategy="auxiliary-loss", categories=list(CATEGORIES),
        config={"layers": LAYERS, "width": WIDTH, "experts": EXPERTS, "topK": TOP_K, "capacity": CAPACITY}, planned_steps=STEPS,
    )  # fmt: skip
    seen = dropped = 0
    before = None
    for step in range(STEPS):
        tokens, category = next(data)
        parameters, state, loss, routed = update(parameters, state, tokens, category)
        if before is not None:
            dropped += report(run, *before)  # while this step runs
        before = step, loss, routed
        seen += tokens.size
    dropped += report(run, *before)
    run.finish()
    print(f"{STEPS} steps, {seen} tokens, loss {float(loss):.2f}, {dropped} assignments dropped")


if __name__ == "__main__":
    main()
