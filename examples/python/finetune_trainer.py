"""Fine-tunes a saved Qwen3-MoE with the Trainer of Hugging Face, whose updates a callback reports.

    pip install "packages/python[send]" torch transformers accelerate
    npx moescope collect                              # in another terminal; open the address that it prints
    python examples/python/finetune_trainer.py        # or with HOST:PORT of a collector elsewhere

So that nothing is downloaded, the model to start from is a small one that the script saves first, with random weights. The category
of a sample is its source: code or documentation. Without categories, `callbacks=[MoescopeCallback()]` is all.
Takes less than a minute on one idle core.
"""

import os
import sys
import tempfile

import torch
from corpus import CATEGORIES, SAMPLES, batches
from qwen3_moe import CONFIG
from transformers import Qwen3MoeForCausalLM, Trainer, TrainingArguments, set_seed

from moescope.integrations.transformers import MoescopeCallback

STEPS = int(os.environ.get("STEPS", 60))
MICRO_BATCHES = 2


class Samples(torch.utils.data.IterableDataset):
    """Each with the number of its source, which is no input of the model."""

    def __iter__(self):
        for tokens, sources in batches(seed=0):
            for sample, source in zip(tokens, sources, strict=True):
                yield {"input_ids": sample, "labels": sample, "source": source}


class LabellingTrainer(Trainer):
    """Tells the run of which category the samples are that the model is about to see."""

    reporting: MoescopeCallback

    def compute_loss(self, model, inputs, *args, **kwargs):
        with self.reporting.run.tokens(category=inputs.pop("source")):
            return super().compute_loss(model, inputs, *args, **kwargs)


def main():
    set_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        Qwen3MoeForCausalLM(CONFIG).save_pretrained(f"{folder}/start")
        model = Qwen3MoeForCausalLM.from_pretrained(f"{folder}/start")
        arguments = TrainingArguments(
            output_dir=f"{folder}/out", run_name="qwen3-moe, fine-tuned by Trainer", max_steps=STEPS, logging_steps=1,
            per_device_train_batch_size=SAMPLES // MICRO_BATCHES, gradient_accumulation_steps=MICRO_BATCHES,
            gradient_checkpointing=True, learning_rate=1e-3, report_to=[], save_strategy="no", disable_tqdm=True,
            remove_unused_columns=False, include_num_input_tokens_seen="all",
        )  # fmt: skip
        address = sys.argv[1] if len(sys.argv) > 1 else None
        callback = MoescopeCallback(address, strategy="auxiliary-loss", categories=list(CATEGORIES))
        trainer = LabellingTrainer(model=model, args=arguments, train_dataset=Samples(), callbacks=[callback])
        trainer.reporting = callback
        trainer.train()
    (loss,) = (row["loss"] for row in trainer.state.log_history if row["step"] == STEPS and "loss" in row)
    print(f"{STEPS} steps, {trainer.state.num_input_tokens_seen} tokens, loss {loss:.2f}")


if __name__ == "__main__":
    main()
