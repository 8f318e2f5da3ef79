"""The callback in a Trainer of Lightning that accumulates, pads and validates in between: alone, and in two gloo processes."""

from __future__ import annotations

import importlib
import os
import pathlib
import subprocess
import sys

import pytest
import qwen
import spooled
import torch
import toy

BATCHES, EPOCHS, ACCUMULATED = 5, 2, 2


def modules(package):
    """Two kinds of LightningModule: one has a model, the other is one."""

    class Fitted(package.LightningModule):
        def __init__(self):
            super().__init__()
            self.found, self.in_update = [], []

        def training_step(self, batch, place):
            seed = int(batch[0])
            true, loss = self.true_counts(seed), self.loss(seed)
            self.in_update.append((true, loss.item()))
            self.log("seed", float(seed))
            if not self.automatic_optimization:
                self.manual_backward(loss)
                if place == BATCHES - 1:
                    self.optimizers().step()
                    self.optimizers().zero_grad()
            return loss

        def on_before_optimizer_step(self, optimizer):
            counts, losses = zip(*self.in_update, strict=True)
            self.found.append((sum(counts), sum(losses) / len(losses)))
            self.in_update.clear()

        def validation_step(self, batch, place):
            self.loss(int(batch[0]))

        def configure_optimizers(self):
            return torch.optim.AdamW(self.parameters(), 1e-2)

    class HasModel(Fitted):
        def __init__(self):
            super().__init__()
            self.model = qwen.model()
            self.truth = [qwen.Truth(self.model)]

        def loss(self, seed):
            return self.model(**qwen.batch(seed)[0]).loss

        def true_counts(self, seed):
            return self.truth[0].counts(self.model, *qwen.batch(seed)).sum(0)

    class IsModel(Fitted):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.toys = [toy.Toy()]
            self.layers = self.toys[0].layers

        def forward(self, x):
            return self.toys[0].forward(x)

        def loss(self, seed):
            return self(toy.batch(seed))

        def true_counts(self, seed):
            return toy.true_counts(self.toys[0], toy.batch(seed))

    class Manual(HasModel):
        def __init__(self):
            super().__init__()
            self.automatic_optimization = False

    return {"has a model": HasModel, "is a model": IsModel, "manual": Manual}


def fit(name: str, kind: str, spool: str, processes: int = 1) -> list[tuple[torch.Tensor, float]]:
    """The true counts of each update in this process, and its mean loss."""
    package = importlib.import_module(name)
    import moescope.integrations.lightning

    # Its class derives from those of the packages that are in use when it is imported.
    MoescopeCallback = importlib.reload(moescope.integrations.lightning).MoescopeCallback
    assert issubclass(MoescopeCallback, package.Callback)
    torch.set_num_threads(1)
    module = modules(package)[kind]()
    trainer = package.Trainer(
        accelerator="cpu", devices=processes, strategy="ddp" if processes > 1 else "auto", max_epochs=EPOCHS, val_check_interval=2,
        accumulate_grad_batches=1 if kind == "manual" else ACCUMULATED, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
        callbacks=[MoescopeCallback(mode="offline", spool=spool, metrics=["seed"], run_id="lightning")],
    )  # fmt: skip
    trainer.fit(module, loader(BATCHES * processes), loader(2 * processes))
    return module.found


def loader(size: int) -> torch.utils.data.DataLoader:
    return torch.utils.data.DataLoader(range(size), batch_size=1)


def reported(steps) -> list[tuple[list, float]]:
    return [(spooled.counts(step).tolist(), {scalar.name: scalar.value for scalar in step.scalars}) for step in steps]


def check(steps, found) -> None:
    assert [step.step for step in steps] == list(range(len(found)))
    for (counts, scalars), (true, loss) in zip(reported(steps), found, strict=True):
        assert counts == true.tolist()
        assert scalars["loss"] == pytest.approx(loss, rel=1e-5)
        assert scalars["learning_rate"] == 1e-2
        assert scalars["seed"] % 1 == 0


@pytest.mark.parametrize("kind", ["has a model", "is a model", "manual"])
@pytest.mark.parametrize("package", ["lightning.pytorch", "pytorch_lightning"])
def test_every_update_is_reported_with_its_loss(tmp_path, protobuf, package, kind):
    pytest.importorskip(package)
    found = fit(package, kind, str(tmp_path))
    _, steps, ends = spooled.read(tmp_path, protobuf)
    # Five batches of an epoch are updates of two, two and one; by hand all five are one.
    assert len(found) == (EPOCHS if kind == "manual" else 3 * EPOCHS)
    check(steps, found)
    assert [end.outcome for end in ends] == [1]


def test_two_processes_report_their_own(tmp_path, protobuf):
    pytest.importorskip("lightning.pytorch")
    here = pathlib.Path(__file__).resolve().parent
    script = tmp_path / "fit.py"
    script.write_text(
        f"import os, sys, torch\nsys.path.insert(0, {str(here)!r})\nimport test_lightning\n"
        "found = [test_lightning.fit('lightning.pytorch', kind, sys.argv[1] + kind, 2) for kind in ('has a model', 'is a model')]\n"
        "torch.save(found, sys.argv[1] + os.environ['RANK'])\n"
    )
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone", str(script), str(tmp_path / "out ")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    for place, kind in enumerate(("has a model", "is a model")):
        for rank in (0, 1):
            (folder,) = (tmp_path / f"out {kind}").rglob(f"rank-0000{rank}*")
            _, steps, _ = spooled.read(folder, protobuf)
            assert len(steps) == 3 * EPOCHS
            check(steps, torch.load(tmp_path / f"out {rank}")[place])


def test_a_failure_ends_the_run_with_its_reason(tmp_path, protobuf):
    package = pytest.importorskip("lightning.pytorch")
    from moescope.integrations.lightning import MoescopeCallback

    class Fails(modules(package)["has a model"]):
        def training_step(self, batch, place):
            if place == 1:
                raise RuntimeError("out of memory")
            return super().training_step(batch, place)

    trainer = package.Trainer(
        accelerator="cpu", devices=1, max_steps=2, logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, callbacks=[MoescopeCallback(mode="offline", spool=tmp_path)],
    )  # fmt: skip
    with pytest.raises(RuntimeError, match="out of memory"):
        trainer.fit(Fails(), loader(2), loader(1))
    _, (step,), (end,) = spooled.read(tmp_path, protobuf)
    assert step.step == 0
    assert (end.outcome, "out of memory" in end.reason) == (3, True)
