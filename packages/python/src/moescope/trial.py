"""Tells the trial run of a pipeline stage from training.

torch.distributed.pipelining (2.15) calls each stage once before the first step, with ones and with gradients, to learn the shapes of its
outputs. It restores the buffers that this has changed, and says what it does to a context that only one caller may register, so what
is asked here is who calls.
"""

from __future__ import annotations

import sys

import torch

_CALLER = "_forward_metadata_inference"
#: Frames between it and a hook of the stage's module: three or four of torch, and one for each way in which Module is called.
_FRAMES = 16


def is_trial() -> bool:
    """False in a compiled forward, where nobody can look at frames: a trial run counts there."""
    if torch.compiler.is_compiling() or "torch.distributed.pipelining" not in sys.modules:
        return False
    frame = sys._getframe(1)
    for _ in range(_FRAMES):
        if frame.f_code.co_name == _CALLER:
            return True
        if frame.f_back is None:
            return False
        frame = frame.f_back
    return False
