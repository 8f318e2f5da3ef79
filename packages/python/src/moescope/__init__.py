"""Exact routing histograms of Mixture-of-Experts models while they train.

run = moescope.init("lab:4681", name="qwen3-sft", config=config)
run.attach(model)
...
run.step(step, loss=loss)
run.finish()
"""

from .begin import init
from .errors import AttachError
from .run import Run

__all__ = ["AttachError", "Run", "init"]
__version__ = "0.1.0"
