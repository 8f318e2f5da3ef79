"""The callback in a Trainer that accumulates gradients, checkpoints, pads and evaluates in between."""

from __future__ import annotations

import shutil

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


@pytest.mark.parametrize("restored", [False, True])
def test_training_that_is_resumed_goes_on_with_its_run(tmp_path, protobuf, restored):
    def train(steps, spool, resume):
        arguments = TrainingArguments(
            output_dir=str(tmp_path / "out"), per_device_train_batch_size=4, max_steps=steps, report_to=[], save_strategy="steps",
            save_steps=3, use_cpu=True, disable_tqdm=True, restore_callback_states_from_checkpoint=restored,
        )  # fmt: skip
        callback = MoescopeCallback(mode="offline", spool=str(tmp_path / spool), token="secret")
        trainer = Trainer(model=qwen.model(), args=arguments, train_dataset=Samples(64), callbacks=[callback])
        trainer.train(resume_from_checkpoint=resume)
        return spooled.read(tmp_path / spool, protobuf)

    before, steps, _ = train(3, "spool", None)
    checkpoint = tmp_path / "out" / "checkpoint-3"
    assert "secret" not in (checkpoint / "trainer_state.json").read_text()
    # The Trainer may make the callback anew from what the checkpoint has, its spool included.
    shutil.rmtree(tmp_path / "spool")
    again, more, _ = train(5, "spool", str(checkpoint))
    assert (again.run.id, again.attempt) == (before.run.id, 1)
    assert [step.step for step in steps + more] == [0, 1, 2, 3, 4]
    assert [step.tokens for step in steps + more] == [4 * KEPT * (place + 1) for place in range(5)]
