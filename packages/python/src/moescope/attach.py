"""Finds the routers of a model, whatever framework it is from. Importing this module imports torch."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

from .counting import Counter
from .encode import MoeLayer
from .errors import AttachError
from .routers import BY_CLASS, TELL_DROPS, Reading, Router, reader

_ROUTER_NAME = re.compile(r"(Router|Gate|Gating)$")
_EXPERTS = ("num_experts", "n_routed_experts", "num_local_experts", "n_experts", "moe_num_experts")
_TOP_K = ("top_k", "topk", "num_experts_per_tok", "moe_top_k")
_BIAS = ("e_score_correction_bias", "expert_bias", "expert_bias_E", "score_bias")
#: What PEFT puts behind the name of a module that it wraps, and where it keeps the untrained one beside the copy that it trains.
_WRAPPED = re.compile(r"(\.base_layer|\.original_module|\.modules_to_save\.[^.]+)+$")
_BLOCK = re.compile(r"(?:^|\.)(?:layers|blocks?|h)\.(\d+)(?=\.|$)")
#: How scores come from what classes return with a column for each expert: by a function from logits, or they are scores already.
_SCORES = {
    "sigmoid": re.compile(r"^(DeepseekV3|Glm4|Dots1|MiniMaxM2)"),
    "softmax": re.compile(r"^(Mixtral|Qwen|Olmoe|DeepseekV2|GptOss|GraniteMoe|Ernie4_5|HunYuanMoEV1|LongcatFlash)"),
    "scores": re.compile(r"^TokenChoiceTopKRouter$"),
}


def attached_counter(model: torch.nn.Module, skip: Collection[str], categories: int) -> Counter:
    """
    Raises:
        AttachError: when no router is found.
    """
    routers = find_routers(model, skip)
    device = next((p.device for router in routers for p in router.module.parameters()), torch.device("cpu"))
    # On the meta device there is nothing to count in; the first forward says where it computes.
    counter = Counter(routers, categories, torch.device("cpu") if device.type == "meta" else device)
    counter.hook(model)
    return counter


def find_routers(model: torch.nn.Module, skip: Collection[str] = ()) -> list[Router]:
    """Every router below `model`, in the order of its modules.

    Args:
        skip: names of modules to leave out, as in `model.named_modules()`.

    Raises:
        AttachError: when there is none.
    """
    modules = dict(model.named_modules())
    alike = [name for name, module in modules.items() if _is_router(module)]
    # A block that looks like a router because it knows its experts holds the router that it asks.
    names = [name for name in alike if name not in skip and not any(other.startswith(f"{name}.") for other in alike)]
    names = [name for name in names if not _has_trained_copy(name, names)]
    if not names:
        raise AttachError(_nothing_found(model))
    numbered = block_numbers(names)
    return [_router(name, modules, *numbered[name]) for name in names]


def describe(routers: list[Router]) -> str:
    """One line for people, such as "48 MoE layers, 128 experts, top-8, no bias, Qwen3MoeTopKRouter"."""
    layers = [router.layer for router in routers]
    parts = [
        f"{len(layers)} MoE layer{'s' if len(layers) > 1 else ''}",
        f"{_listed({layer.experts for layer in layers})} experts",
        f"top-{_listed({layer.top_k for layer in layers})}",
        "selection bias" if any(router.bias for router in routers) else "no bias",
        _listed({type(router.module).__name__ for router in routers}),
    ]
    if identity := _listed({layer.identity_experts for layer in layers if layer.identity_experts}):
        parts.insert(2, f"the last {identity} of them identity")
    if groups := _listed({layer.group for layer in layers if layer.group}):
        parts.append(f"in groups {groups}")
    return ", ".join(parts)


def _is_router(module: torch.nn.Module) -> bool:
    if type(module).__name__ in BY_CLASS:
        return True
    if _number(module, _TOP_K) is None:
        return False
    rows, experts = _matrix_rows(module), _number(module, _EXPERTS)
    if _ROUTER_NAME.search(type(module).__name__):
        return bool(rows) or experts is not None
    return experts is not None and experts in rows


def _has_trained_copy(name: str, names: list[str]) -> bool:
    wrapper, _, last = name.rpartition(".")
    return last == "original_module" and any(other.startswith(f"{wrapper}.modules_to_save.") for other in names)


def _router(name: str, modules: dict[str, torch.nn.Module], index: int, group: str) -> Router:
    module = modules[name]
    parent = modules[_WRAPPED.sub("", name).rpartition(".")[0]]
    kind = type(module).__name__
    experts, top_k = _experts(module), _top_k(name, module, parent)
    # The configuration may be that of a module inside wrappers; of an encoder and a decoder only the whole says that it is both.
    configs = [module.config for module in modules.values() if hasattr(module, "config")]
    identity = next((value for config in configs if (value := _number(config, ("zero_expert_num",)))), 0)
    layer = MoeLayer(index, experts, top_k, identity, group)
    reading = Reading(f"{name} ({kind})", experts, top_k, _score(module))
    of_two = any(getattr(config, "is_encoder_decoder", False) for config in configs)
    stream = "decoder" if of_two and re.search(r"(^|\.)decoder\.", name) else ""
    return Router(name, module, layer, reader(kind, reading), _bias(module, parent, experts), kind in TELL_DROPS, stream)


def _experts(module: torch.nn.Module) -> int:
    """What the weights say goes before attributes: LongCat's `num_experts` leaves out those that do nothing."""
    rows = _matrix_rows(module)
    said = [value for name in _EXPERTS if isinstance(value := getattr(module, name, None), int)]
    agreeing = [value for value in said if value in rows]
    return (agreeing or said or sorted(rows))[0]


def _top_k(name: str, module: torch.nn.Module, parent: torch.nn.Module) -> int:
    fixed = {"SwitchTransformersTop1Router": 1, "NllbMoeTop2Router": 2, "TopKGate": getattr(module, "k", None)}.get(type(module).__name__)
    found = fixed or _number(module, _TOP_K) or _number(parent, _TOP_K)
    if found is None:
        raise AttachError(f"{name} ({type(module).__name__}) says nowhere how many experts a token is given: expected {_TOP_K[0]}")
    return found


def _bias(module: torch.nn.Module, parent: torch.nn.Module, experts: int) -> Callable[[], Tensor] | None:
    """Looks at the router, what is below it (Ernie), and the block around it (torchtitan, MiniMax). Read at every step: frameworks
    replace the tensor when they move the model."""
    # DeepSeek's own Gate calls it bias; Automodel's has another name for it, and a bias that is one of its logits.
    deepseeks = type(module).__name__ == "Gate" and not hasattr(module, "e_score_correction_bias")
    names = (*_BIAS, "bias") if deepseeks else _BIAS
    for owner in (module, *module.children(), parent):
        for name in names:
            value = getattr(owner, name, None)
            # A sharded one would need a collective to be read.
            if isinstance(value, Tensor) and value.numel() == experts and not hasattr(value, "to_local"):
                return partial(getattr, owner, name)
    return None


def _score(module: torch.nn.Module) -> str:
    """Empty for classes that are not known: what they return might be either."""
    return next((score for score, classes in _SCORES.items() if classes.match(type(module).__name__)), "")


def _matrix_rows(module: torch.nn.Module) -> set[int]:
    """Rows of the matrices of a module and of its children: those of a router's are its experts."""
    return {p.shape[0] for owner in (module, *module.children()) for p in owner.parameters(recurse=False) if p.ndim == 2}


def _number(owner: Any, names: Collection[str]) -> int | None:
    return next((value for name in names if isinstance(value := getattr(owner, name, None), int)), None)


def block_numbers(names: list[str]) -> dict[str, tuple[int, str]]:
    """A number for each layer, and the name of its family where a model has several that share numbers."""
    places = {name: _place(name, order) for order, name in enumerate(names)}
    families = list(dict.fromkeys(family for family, _ in places.values()))
    if len({number for _, number in places.values()}) == len(names):
        return {name: (number, "") for name, (_, number) in places.items()}
    offsets, groups, following = {}, _group_names(families), 0
    for family in families:
        offsets[family] = following
        following += 1 + max(number for other, number in places.values() if other == family)
    return {name: (offsets[family] + number, groups[family]) for name, (family, number) in places.items()}


def _place(name: str, order: int) -> tuple[str, int]:
    """The path with a star for the number of the block, and that number; `order` for a path without one."""
    found = list(_BLOCK.finditer(name))
    if not found:
        return name, order
    last = found[-1]
    return f"{name[: last.start(1)]}*{name[last.end(1) :]}", int(last[1])


def _group_names(families: list[str]) -> dict[str, str]:
    """Of each path the words that not all of them have: "mlp" and "self_attention.experts"."""
    shared = set.intersection(*(set(family.split(".")) for family in families))
    words = {family: [w for w in family.split(".") if w not in shared and not w.isdigit()] for family in families}
    return {family: ".".join(own) or family for family, own in words.items()}


def _nothing_found(model: torch.nn.Module) -> str:
    return (
        f"no router found in {type(model).__name__} with {sum(1 for _ in _leaves(model))} modules: expected one whose class name "
        "ends in Router, Gate or Gating, or that has top_k, num_experts and a weight with a row for each expert. Is the model the "
        "right one, dense perhaps, or of transformers before 5, whose routers are plain Linear layers? "
        "What a router chose can be reported without hooks: run.log_counts(layer, counts)"
    )


def _leaves(model: torch.nn.Module) -> Iterator[torch.nn.Module]:
    return (module for module in model.modules() if not any(module.children()))


def _listed(values: Collection[Any]) -> str:
    return ", ".join(str(value) for value in sorted(values))
