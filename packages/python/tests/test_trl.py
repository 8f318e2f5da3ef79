"""The callback of transformers in trainers of TRL: fine-tuning with padding and with packing, and GRPO, which generates between updates."""

from __future__ import annotations

import random

import pytest
import qwen
import spooled
import torch
import transformers

from moescope.integrations.transformers import MoescopeCallback

trl = pytest.importorskip("trl")
datasets = pytest.importorskip("datasets")
UPDATES, ACCUMULATED = 4, 2


@pytest.fixture
def tokenizer():
    """One word for each token of the tiny model."""
    tokenizers = pytest.importorskip("tokenizers")
    words = {"<pad>": 0, "<eos>": 1, "<unk>": 2, **{f"w{number}": number for number in range(3, 64)}}
    plain = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="<unk>"))
    plain.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    return transformers.PreTrainedTokenizerFast(tokenizer_object=plain, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>")


def texts(name: str):
    chance = random.Random(0)
    rows = [{name: " ".join(f"w{chance.randrange(3, 64)}" for _ in range(chance.randrange(3, 14)))} for _ in range(64)]
    return datasets.Dataset.from_list(rows)


def arguments(kind, folder, **others):
    return kind(
        output_dir=str(folder / "out"), per_device_train_batch_size=4, gradient_accumulation_steps=ACCUMULATED, max_steps=UPDATES,
        use_cpu=True, bf16=False, report_to=[], save_strategy="no", disable_tqdm=True, dataloader_pin_memory=False, learning_rate=1e-2,
        logging_steps=1, **others,
    )  # fmt: skip


def counting(kind, batch_of):
    """A trainer that counts the truth of each micro-batch before it is trained on."""

    class Counting(kind):
        truth, found = None, None

        def compute_loss(self, model, inputs, *args, **kwargs):
            batch = batch_of(inputs)
            if self.model.training:
                self.found.append(self.truth.counts(self.model, batch, torch.zeros(len(batch["input_ids"]), dtype=torch.int64))[0])
            return super().compute_loss(model, inputs, *args, **kwargs)

    return Counting


def check(trainer, model, folder, protobuf):
    trainer.truth, trainer.found = qwen.Truth(model), []
    trainer.train()
    _, steps, (end,) = spooled.read(folder, protobuf)
    updates = [sum(trainer.found[place : place + ACCUMULATED]) for place in range(0, len(trainer.found), ACCUMULATED)]
    assert len(steps) == UPDATES
    assert [spooled.counts(step).tolist() for step in steps] == [counts.tolist() for counts in updates]
    losses = [row["loss"] for row in trainer.state.log_history if "loss" in row]
    assert [next(scalar.value for scalar in step.scalars if scalar.name == "loss") for step in steps] == losses
    assert end.outcome == 1


@pytest.mark.parametrize("packing", [False, True])
def test_fine_tuning(tmp_path, protobuf, tokenizer, packing):
    kept = ("input_ids", "attention_mask", "position_ids")
    kind = counting(trl.SFTTrainer, lambda inputs: {name: inputs[name] for name in kept if name in inputs})
    model = qwen.model()
    trainer = kind(
        model=model, train_dataset=texts("text"), processing_class=tokenizer,
        args=arguments(trl.SFTConfig, tmp_path, max_length=16, packing=packing, gradient_checkpointing=True),
        callbacks=[MoescopeCallback(mode="offline", spool=tmp_path / "spool")],
    )  # fmt: skip
    assert ("attention_mask" in next(iter(trainer.get_train_dataloader()))) != packing
    check(trainer, model, tmp_path / "spool", protobuf)


def test_rollouts_do_not_count(tmp_path, protobuf, tokenizer):
    """Two updates are made from each generation; old and reference log-probabilities are forwards too."""

    def batch_of(inputs):
        return {
            "input_ids": torch.cat([inputs["prompt_ids"], inputs["completion_ids"]], 1),
            "attention_mask": torch.cat([inputs["prompt_mask"], inputs["completion_mask"]], 1),
        }

    tokenizer.padding_side = "left"
    qwen.model().save_pretrained(tmp_path / "model")
    model = transformers.Qwen3MoeForCausalLM.from_pretrained(tmp_path / "model").train()
    trainer = counting(trl.GRPOTrainer, batch_of)(
        model=model, train_dataset=texts("prompt"), processing_class=tokenizer,
        reward_funcs=lambda completions, **others: [float(len(text) % 3) for text in completions],
        args=arguments(
            trl.GRPOConfig, tmp_path, num_generations=4, max_completion_length=6, beta=0.1, num_iterations=2, gradient_checkpointing=True
        ),
        callbacks=[MoescopeCallback(mode="offline", spool=tmp_path / "spool")],
    )  # fmt: skip
    rollouts = []
    model.register_forward_hook(lambda *_: rollouts.append(torch.is_grad_enabled()))
    check(trainer, model, tmp_path / "spool", protobuf)
    assert (rollouts.count(True), rollouts.count(False) > 2 * 6) == (UPDATES * ACCUMULATED, True)
