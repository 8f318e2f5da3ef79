"""Exact routing histograms of Mixture-of-Experts models while they train.

run = moescope.init("lab:4681", name="qwen3-sft", config=config)
run.attach(model)
...
run.step(step, loss=loss)
run.finish()

lab = moescope.connect("http://lab:4680")
lab.run("qwen3-sft").counts().values
"""

from .begin import init
from .errors import AttachError, CollectorError
from .reading import connect
from .run import Run

__all__ = ["AttachError", "CollectorError", "Run", "connect", "init"]
__version__ = "0.1.0"
