"""The callback in a Trainer that accumulates gradients, checkpoints, pads and evaluates in between."""

from __future__ import annotations

import pytest
import qwen
import spooled
import torch
from transformers import Trainer, TrainingArguments

from moescope.integrations.transformers import MoescopeCallback

LENGTH, KEPT = 12, 8


class Samples(torch.utils.data.Dataset):
    def __init__(self, size):
        self.size = size

    def __len__(self):
        return self.size

    def __getitem__(self, place):
        tokens = torch.randint(0, 64, (LENGTH,), generator=torch.Generator().manual_seed(place))
        mask = (torch.arange(LENGTH) < KEPT).long()
        return dict(input_ids=tokens, attention_mask=mask, labels=tokens.masked_fill(mask == 0, -100))


class Counting(Trainer):
    """Counts the truth before each micro-batch of training; `steps` are the sums of two."""

    truth: qwen.Truth
    found: list

    def training_step(self, model, inputs, *args, **kwargs):
        self.found.append(self.truth.counts(self.model, inputs, torch.zeros(len(inputs["input_ids"]), dtype=torch.int64))[0])
        return super().training_step(model, inputs, *args, **kwargs)


@pytest.mark.parametrize("compiled", [False, True])
def test_every_update_is_reported_with_its_loss(tmp_path, protobuf, compiled):
    model = qwen.model()
    arguments = TrainingArguments(
        output_dir=str(tmp_path / "out"), per_device_train_batch_size=4, gradient_accumulation_steps=2, max_steps=5, eval_strategy="steps",
        eval_steps=2, gradient_checkpointing=True, report_to=[], save_strategy="no", use_cpu=True, disable_tqdm=True, logging_steps=2,
        torch_compile=compiled, torch_compile_backend="aot_eager" if compiled else None, seed=7, learning_rate=1e-2,
    )  # fmt: skip
    callback = MoescopeCallback(mode="offline", spool=tmp_path / "spool", strategy="none")
    trainer = Counting(model=model, args=arguments, train_dataset=Samples(64), eval_dataset=Samples(8), callbacks=[callback])
    trainer.truth, trainer.found = qwen.Truth(model), []
    trainer.train()
    hello, steps, ends = spooled.read(tmp_path / "spool", protobuf)
    expected = [(first + second).tolist() for first, second in zip(trainer.found[::2], trainer.found[1::2], strict=True)]
    assert [spooled.counts(step).tolist() for step in steps] == expected
    assert [step.step for step in steps] == [0, 1, 2, 3, 4]
    assert [step.tokens for step in steps] == [8 * KEPT * (place + 1) for place in range(5)]
    logged = {place: {scalar.name: scalar.value for scalar in step.scalars} for place, step in enumerate(steps)}
    losses = {row["step"] - 1: row["loss"] for row in trainer.state.log_history if "loss" in row}
    assert {place: scalars["loss"] for place, scalars in logged.items() if scalars} == losses != {}
    assert set(logged[1]) == {"loss", "learning_rate", "gradient_norm"}
    assert (hello.run.seed, hello.run.planned_steps, hello.run.strategy) == (7, 5, "none")
    assert [end.outcome for end in ends] == [1]
