"""Fixtures as JSON: arrays of floats as base64 of little-endian float32, whole numbers as they are."""

import base64
import json
import re
from pathlib import Path

import numpy as np
import torch

FOLDER = Path(__file__).parents[2] / "packages/trainer/golden/reference"


def write(name: str, content: dict) -> None:
    path = FOLDER / f"{name}.json"
    text = json.dumps(encode(content), indent=1, ensure_ascii=False)
    # Lists of plain values on one line each.
    text = re.sub(r"\[[^\[\]{}]*\]", lambda found: re.sub(r"\s+", " ", found[0]).replace("[ ", "[").replace(" ]", "]"), text)
    path.write_text(text + "\n")
    print(f"{path.name}: {path.stat().st_size} bytes")


def encode(value):
    """Tensors of floats become {"shape", "float32"}, those of whole numbers nested lists."""
    if isinstance(value, dict):
        return {key: encode(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    if not isinstance(value, torch.Tensor):
        return value
    value = value.detach()
    if not value.is_floating_point():
        return value.tolist()
    if value.dim() == 0:
        return value.item()
    array = np.ascontiguousarray(value.numpy(), dtype="<f4")
    return {"shape": list(array.shape), "float32": base64.b64encode(array.tobytes()).decode()}


def randoms(seed: int, dtype=torch.float32):
    """A function that draws normal tensors one after another: shape and standard deviation in, tensor out."""
    generator = torch.Generator().manual_seed(seed)
    # Rounded to float32 in any case: that is what the fixture can hold.
    return lambda *shape, scale=1.0: (torch.randn(*shape, generator=generator) * scale).to(dtype)


def least_margin(scores_TE: torch.Tensor, k: int) -> float:
    """How close the nearest choice was: the least difference over all tokens between the K-th and the (K+1)-th highest score."""
    highest = scores_TE.topk(k + 1, dim=-1).values
    return (highest[:, k - 1] - highest[:, k]).min().item()


def require_clear_choice(name: str, scores_TE: torch.Tensor, k: int) -> None:
    margin = least_margin(scores_TE, k)
    if margin < 1e-4:
        raise SystemExit(f"{name}: a choice hangs on {margin:.1e}, so rounding could tip it; draw from another seed")


def hot(experts_TK: torch.Tensor, experts: int, dtype=torch.float32) -> torch.Tensor:
    """0/1 [T, E]: the experts that each token chose."""
    return torch.zeros(len(experts_TK), experts, dtype=dtype).scatter_(1, experts_TK, 1)
