"""Measures where the attention heads of a model look, layer by layer, as the trainer's probes do.

Shapes: B sequences × S positions, H heads, C token classes, M numbers of a head. Importing this module imports torch.

The attention of one layer and of a few sequences is in memory at a time: a hook measures it as soon as the layer has it.
"""

from __future__ import annotations

import contextlib
import inspect
import re
import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .attach import block_numbers
from .attention import induction_scores, repeat_period, shares_by_class, shares_of_uniform, text_scores
from .encode import AttentionByToken, HeadProfile
from .token_classes import OTHER, classify

#: Most attention probabilities worked on at a time: 64 MiB.
_AT_A_TIME = 2**24
#: Repeated sequences that are looked at; each is S/2 queries.
_REPEATED = 4
_ATTENTION = re.compile("attention|attn", re.IGNORECASE)
_ALL_HEADS = -1
#: What is more than rounding.
_ANY = 1e-6

#: From the attention [B, H, S, S] of some sequences, the first of them `first`, to [H, M], means over them.
Measure = Callable[[Tensor, int], Tensor]


def probe(
    model: torch.nn.Module, tokens: Any, classes: Mapping[str, str], text_of: Callable[[int], str] | None
) -> tuple[list[tuple[str, float]], list[AttentionByToken], list[HeadProfile]]:
    """
    Args:
        tokens: [B, S] token ids, without padding.
        classes: name and regular expression of each token class.
        text_of: the text of a token; None to leave out attention by token class.

    Returns:
        Scalars (what an even spread of attention would give to each class), shares and profiles.

    Raises:
        ValueError: for tokens of another shape, and for a model whose attention cannot be seen or is not causal.
    """
    ids_BS = _checked(tokens)
    names = [] if text_of is None else [*classes, OTHER]
    class_of = np.zeros_like(ids_BS) if text_of is None else classify(ids_BS, classes, text_of)
    class_BSC = torch.nn.functional.one_hot(torch.from_numpy(class_of), max(1, len(names))).float()

    def on_text(attention_BHSS: Tensor, first: int) -> Tensor:
        some_BSC = class_BSC[first : first + attention_BHSS.shape[0]].to(attention_BHSS.device)
        return torch.cat([shares_by_class(attention_BHSS, some_BSC), text_scores(attention_BHSS)], 1)

    def on_repeats(attention_BHSS: Tensor, first: int) -> Tensor:
        return induction_scores(attention_BHSS)[:, None]

    with _looking(model):
        text = heads_of(model, ids_BS, on_text)
        repeats = heads_of(model, repeated_rows(ids_BS), on_repeats)
    uniform = shares_of_uniform(class_BSC).tolist() if names else []
    scalars = [(f"attention/uniform/{name}", share) for name, share in zip(names, uniform, strict=True)]
    layers = sorted((number, name) for name, (number, _) in block_numbers(list(text)).items())
    attention = [part for number, name in layers for part in _shares(number, names, text[name])] if names else []
    profiles = [part for number, name in layers for part in _profiles(number, text[name][:, -4:], repeats[name][:, 0])]
    return scalars, attention, profiles


def repeated_rows(ids_BS: NDArray[np.int64]) -> NDArray[np.int64]:
    """[4, S] in which a random string of S/2 tokens comes twice, the same at every call.

    Within a string no token comes twice as long as there are enough different ones, so there is one earlier place to look at for each.
    Tokens are those that occur in the text: a model has learnt nothing about others.
    """
    period, occurring = repeat_period(ids_BS.shape[1]), np.unique(ids_BS)
    rows = []
    for row in range(_REPEATED):
        random = np.random.default_rng([5, row])
        drawn: NDArray[np.int64] = np.concatenate([random.permutation(occurring) for _ in range(-(-period // occurring.size))])
        rows.append(np.resize(drawn[:period], ids_BS.shape[1]))
    return np.stack(rows)


@torch.no_grad()
def heads_of(model: torch.nn.Module, ids_BS: NDArray[np.int64], measure: Measure) -> dict[str, NDArray[np.float32]]:
    """What `measure` finds of the heads of each attention module, [H, M], by the name of the module.

    Raises:
        ValueError: when no module gives its attention, or it goes to later tokens.
    """
    watch = _Watch(measure, *ids_BS.shape)
    device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    with watch.hooked(model):
        step = max(1, _AT_A_TIME // (_head_count(model) * ids_BS.shape[1] ** 2))
        for first in range(0, ids_BS.shape[0], step):
            watch.first = first
            model(input_ids=torch.from_numpy(ids_BS[first : first + step]).to(device), **_sparing(model))
    if not watch.found:
        raise ValueError(
            f"{type(model).__name__} gave no attention: expected a model of transformers 5 with modules whose class name has Attention or "
            "Attn and that return weights [B, H, S, S]. Load it with attn_implementation='eager'; models without attention have no heads"
        )
    if later := [name for name, most in watch.later.items() if float(most) > _ANY]:
        raise ValueError(f"{later[0]} attends to later tokens: probes are defined for models whose attention is causal")
    return {name: measured.cpu().numpy() for name, measured in watch.found.items()}


class _Watch:
    """Measures the attention of every module that gives it, and keeps none."""

    def __init__(self, measure: Measure, sequences: int, positions: int) -> None:
        self.found: dict[str, Tensor] = {}
        #: The most attention that any key after the query has.
        self.later: dict[str, Tensor] = {}
        #: The first sequence of those that are on their way.
        self.first = 0
        self._measure, self._sequences, self._positions = measure, sequences, positions
        self._measured: weakref.ref[Tensor] | None = None

    @contextlib.contextmanager
    def hooked(self, model: torch.nn.Module) -> Iterator[None]:
        handles = [
            module.register_forward_hook(self._looking_at(name))
            for name, module in model.named_modules()
            if _ATTENTION.search(type(module).__name__)
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _looking_at(self, name: str) -> Callable[..., None]:
        def look(module: torch.nn.Module, args: tuple[Any, ...], output: Any) -> None:
            weights = self._weights(output)
            if weights is None or (self._measured is not None and self._measured() is weights):
                return  # a module around the one that has been measured
            self._measured = weakref.ref(weights)
            attention_BHSS = _whole(weights)
            if name not in self.later:
                self.later[name] = attention_BHSS[0].triu(1).amax()
            part = self._measure(attention_BHSS, self.first) * (weights.shape[0] / self._sequences)
            self.found[name] = self.found[name] + part if name in self.found else part

        return look

    def _weights(self, output: Any) -> Tensor | None:
        parts = output[1:] if isinstance(output, (tuple, list)) else ()
        shape = (self._positions, self._positions)
        return next((part for part in parts if isinstance(part, Tensor) and part.ndim == 4 and part.shape[-2:] == shape), None)


def _whole(weights: Tensor) -> Tensor:
    """As float32. Rounded to 16 bits, the attention of a query may add up to more than 1, which no share may be."""
    if weights.dtype in (torch.float32, torch.float64):
        return weights.float()
    wide = weights.float()
    return wide / wide.sum(-1, keepdim=True).clamp(min=1)


@contextlib.contextmanager
def _looking(model: torch.nn.Module) -> Iterator[None]:
    """In evaluation mode, uncompiled and with attention that is computed in the open; afterwards everything is as it was."""
    modes = [(module, module.training) for module in model.modules()]
    configs = _configs(model)
    before = [config._attn_implementation for config in configs]
    switch: Any = next((each.set_attn_implementation for each in model.modules() if hasattr(each, "set_attn_implementation")), None)
    try:
        model.eval()
        if switch is not None:
            switch("eager")
        # With hooks a compiled model would be compiled anew, for one forward.
        with torch.compiler.set_stance("force_eager"):
            yield
    finally:
        for config, implementation in zip(configs, before, strict=True):
            config._attn_implementation = implementation
        for module, training in modes:
            module.training = training


def _configs(model: torch.nn.Module) -> list[Any]:
    """The configurations that say how attention is computed. Outer ones first: what is set on them reaches those inside."""
    found: dict[int, Any] = {}
    waiting = [module.config for module in model.modules() if hasattr(module, "config")]
    while waiting:
        config = waiting.pop(0)
        if id(config) not in found and hasattr(config, "_attn_implementation"):
            found[id(config)] = config
            waiting += [inner for name in getattr(config, "sub_configs", {}) if (inner := getattr(config, name, None)) is not None]
    return list(found.values())


def _head_count(model: torch.nn.Module) -> int:
    counts = [getattr(config, "num_attention_heads", None) for config in _configs(model)]
    return max((count for count in counts if isinstance(count, int)), default=32)


def _sparing(model: torch.nn.Module) -> dict[str, Any]:
    """Arguments that spare the forward what no probe needs: the cache, and logits of all tokens."""
    parameters = inspect.signature(model.forward).parameters
    return {name: value for name, value in dict(use_cache=False, logits_to_keep=1).items() if name in parameters}


def _checked(tokens: Any) -> NDArray[np.int64]:
    ids = tokens.detach().cpu().numpy() if isinstance(tokens, Tensor) else np.asarray(tokens)
    if ids.ndim != 2 or ids.dtype.kind not in "iu" or ids.shape[0] < 1 or ids.shape[1] < 2:
        raise ValueError(f"tokens have the shape {ids.shape} and are {ids.dtype}: must be integers [B, S], S at least 2, without padding")
    return ids.astype(np.int64)


def _shares(layer: int, names: list[str], measured_HM: NDArray[np.float32]) -> list[AttentionByToken]:
    """Of the mean of all heads, then of every head."""
    shares_HC = measured_HM[:, : len(names)]
    mean = AttentionByToken(layer, _ALL_HEADS, names, shares_HC.mean(0))
    return [mean, *(AttentionByToken(layer, head, names, shares) for head, shares in enumerate(shares_HC))]


def _profiles(layer: int, scores_H4: NDArray[np.float32], induction_H: NDArray[np.float32]) -> list[HeadProfile]:
    return [
        HeadProfile(layer, head, previous, first, float(induction), local, broad)
        for head, ((previous, first, local, broad), induction) in enumerate(zip(scores_H4.tolist(), induction_H, strict=True))
    ]
