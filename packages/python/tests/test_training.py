"""Counts are exact in the ways that people train: PEFT, packed sequences, generation in between, frozen layers, a start on the meta
device, bfloat16. With real models; the truth is found another way in each."""

from __future__ import annotations

import copy

import counted
import pytest
import qwen
import torch

from moescope.attach import attached_counter, find_routers

ATTENTION = dict(target_modules=["q_proj", "v_proj"])


@pytest.mark.parametrize(
    "options",
    [
        ATTENTION,
        dict(target_modules=["q_proj", "gate"]),
        dict(target_modules="all-linear"),
        dict(**ATTENTION, target_parameters=["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]),
        dict(**ATTENTION, modules_to_save=["gate"]),
    ],
    ids=["attention", "routers", "all linear", "experts", "routers trained whole"],
)
@pytest.mark.parametrize("attached", ["before", "after"])
def test_peft(options, attached):
    """The truth is that of the model into which a copy of the adapter is merged."""
    peft = pytest.importorskip("peft", reason="peft is not installed: see requirements-test.txt")
    plain = qwen.model()
    plain.enable_input_require_grads()
    counter = attached_counter(plain, (), 2) if attached == "before" else None
    model = peft.get_peft_model(plain, peft.LoraConfig(r=2, init_lora_weights=False, **options))
    counter = counter or attached_counter(model, (), 2)
    assert [router.layer.index for router in counter.routers] == list(range(qwen.LAYERS))
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 0.1)
    for step in range(3):
        expected = torch.zeros(2, qwen.LAYERS, qwen.EXPERTS, dtype=torch.int64)
        for micro_batch in range(2):
            inputs, category = qwen.batch(10 * step + micro_batch)
            merged = copy.deepcopy(model).merge_and_unload()
            expected += qwen.Truth(merged).counts(merged, inputs, category)
            with counter.labelled(category, None):
                model(**inputs).loss.backward()
        with model.disable_adapter(), torch.no_grad():
            model(**inputs)
        optimizer.step()
        optimizer.zero_grad()
        assert counted.step(counter).tolist() == expected.tolist()


def test_documents_packed_into_one_row():
    """The truth is that of each document alone. Where documents begin is told by position_ids; there is no mask."""
    model = qwen.model()
    truth, counter = qwen.Truth(model), attached_counter(model, (), 2)
    for seed, lengths in enumerate(([5, 3, 4], [12], [1, 2, 1, 7])):
        tokens = torch.randint(0, 64, (1, sum(lengths)), generator=torch.Generator().manual_seed(seed))
        documents = torch.split(tokens, lengths, dim=1)
        expected = torch.zeros(2, qwen.LAYERS, qwen.EXPERTS, dtype=torch.int64)
        for number, document in enumerate(documents):
            alone = dict(input_ids=document, attention_mask=torch.ones_like(document))
            expected += truth.counts(model, alone, torch.tensor([number % 2]))
        positions = torch.cat([torch.arange(length) for length in lengths])[None]
        category = torch.cat([torch.full((length,), number % 2) for number, length in enumerate(lengths)])[None]
        with counter.labelled(category, None):
            model(input_ids=tokens, position_ids=positions, labels=tokens).loss.backward()
        assert counted.step(counter).tolist() == expected.tolist()


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("cached", [True, False])
def test_generation_between_micro_batches_is_left_out(training, cached):
    """As reinforcement learning does, with prompts that are padded on the left, and the model in training mode or not."""
    model = qwen.model()
    truth, counter = qwen.Truth(model), attached_counter(model, (), 2)
    expected = torch.zeros(2, qwen.LAYERS, qwen.EXPERTS, dtype=torch.int64)
    for seed in range(2):
        inputs, category = qwen.batch(seed)
        expected += truth.counts(model, inputs, category)
        with counter.labelled(category, None):
            model(**inputs).loss.backward()
            model.train(training)
            prompts, mask = inputs["input_ids"][:, :4], torch.tensor([[0, 1, 1, 1]] * 4)
            model.generate(input_ids=prompts, attention_mask=mask, max_new_tokens=3, do_sample=False, use_cache=cached, pad_token_id=0)
            model.train()
    assert counted.step(counter).tolist() == expected.tolist()


@pytest.mark.parametrize("checkpointing", [None, "reentrant", "non-reentrant"])
def test_a_backward_after_a_forward_of_other_lengths(checkpointing):
    """Checkpointing then repeats the first forward when the labels are those of the second."""
    model = qwen.model()
    model.gradient_checkpointing_disable()
    if checkpointing is not None:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": checkpointing == "reentrant"})
    truth, counter = qwen.Truth(model), attached_counter(model, (), 2)
    (first, category), (second, _) = qwen.batch(1), qwen.batch(2)
    short = {name: value[:3, :6] for name, value in second.items()}
    expected = truth.counts(model, first, category) + truth.counts(model, short, category[:3])
    with counter.labelled(category, None):
        loss = model(**first).loss
    with counter.labelled(category[:3], None):
        other = model(**short).loss
    loss.backward()
    other.backward()
    assert counted.step(counter).tolist() == expected.tolist()


@pytest.mark.parametrize("trained", ["lm_head", "layers.1.", "experts"])
@pytest.mark.parametrize("reentrant", [True, False])
def test_frozen_layers_count(trained, reentrant):
    model = qwen.model()
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": reentrant})
    truth, counter = qwen.Truth(model), attached_counter(model, (), 2)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(trained in name)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 0.5)
    for step in range(2):
        inputs, category = qwen.batch(step)
        expected = truth.counts(model, inputs, category)
        with counter.labelled(category, None):
            loss = model(**inputs).loss
        loss.backward()
        optimizer.step()
        assert counted.step(counter).tolist() == expected.tolist()


@pytest.mark.parametrize("attached", ["before", "after"])
@pytest.mark.parametrize("assign", [True, False])
def test_a_start_on_the_meta_device(attached, assign):
    """Weights come by to_empty and a copy, or are put in place of those on the meta device."""
    source = qwen.model(3)
    with torch.device("meta"):
        model = qwen.model()
    counter = attached_counter(model, (), 2) if attached == "before" else None
    if not assign:
        model.to_empty(device="cpu")
    model.load_state_dict(copy.deepcopy(source.state_dict()), assign=assign)
    model.model.rotary_emb = copy.deepcopy(source.model.rotary_emb)
    counter = counter or attached_counter(model, (), 2)
    truth = qwen.Truth(source)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for step in range(3):
        inputs, category = qwen.batch(step)
        expected = truth.counts(model, inputs, category)
        with counter.labelled(category, None):
            model(**inputs).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        assert counted.step(counter).tolist() == expected.tolist()


@pytest.mark.parametrize("autocast", [True, False])
def test_bfloat16(autocast):
    """The truth is what the experts of a plain copy were given: in eight bits logits tie, and how a tie ends is the model's to say."""
    model = qwen.model()
    if not autocast:
        model.to(torch.bfloat16)
    plain, given = copy.deepcopy(model), []
    plain.gradient_checkpointing_disable()
    for layer in plain.model.layers:
        layer.mlp.experts.register_forward_pre_hook(lambda _, args: given.append(args[1]))
    counter = attached_counter(model, (), 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for step in range(3):
        inputs, _ = qwen.batch(step)
        plain.load_state_dict(model.state_dict())
        given.clear()
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            plain(**inputs)
            loss = model(**inputs).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        kept = inputs["attention_mask"].reshape(-1).bool()
        expected = [torch.bincount(indices[kept].reshape(-1), minlength=qwen.EXPERTS).tolist() for indices in given]
        assert counted.step(counter)[0].tolist() == expected


def test_several_updates_may_be_one_step():
    model = qwen.model()
    truth, counter = qwen.Truth(model), attached_counter(model, (), 2)
    optimizers = [torch.optim.SGD(model.model.parameters(), 0.1), torch.optim.AdamW(model.lm_head.parameters(), 0.1)]
    expected = torch.zeros(2, qwen.LAYERS, qwen.EXPERTS, dtype=torch.int64)
    for seed in range(4):
        inputs, category = qwen.batch(seed)
        expected += truth.counts(model, inputs, category)
        with counter.labelled(category, None):
            model(**inputs).loss.backward()
        optimizers[seed % 2].step()
        optimizers[seed % 2].zero_grad()
    assert counted.step(counter).tolist() == expected.tolist()


def test_routers_are_found_below_wrappers_by_their_own_numbers():
    peft = pytest.importorskip("peft", reason="peft is not installed: see requirements-test.txt")
    model = peft.get_peft_model(qwen.model(), peft.LoraConfig(r=2, modules_to_save=["gate"], **ATTENTION))
    wrapped = torch.nn.ModuleDict({"module": model})
    assert [(router.layer.index, router.layer.group) for router in find_routers(wrapped)] == [(0, ""), (1, "")]
