"""`moescope convert`: files of the same structure as their writers', against tokens that were counted one by one."""

from __future__ import annotations

import csv
import gzip
import json
import pathlib
import random
import subprocess
from collections import Counter
from typing import Any

import collector
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moescope.__main__ import main

many = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

Truth = Counter[tuple[int, int, int]]


def rows(path: pathlib.Path) -> list[dict[str, int]]:
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
    return [{name: int(value) for name, value in row.items()} for row in csv.DictReader(text.splitlines())]


def counted(path: pathlib.Path) -> Truth:
    """By step, layer and expert; every row of its own."""
    read = rows(path)
    assert len({(row["step"], row["layer"], row["expert"]) for row in read}) == len(read)
    return Counter({(row["step"], row["layer"], row["expert"]): row["count"] for row in read if row["count"]})


def converted(folder: pathlib.Path, *arguments: Any) -> Truth:
    out = folder / "out.csv.gz"
    assert main(["convert", *map(str, arguments), "--out", str(out)]) == 0
    return counted(out)


def refused(capsys: pytest.CaptureFixture[str], folder: pathlib.Path, *arguments: Any) -> str:
    capsys.readouterr()
    assert main(["convert", *map(str, arguments), "--out", str(folder / "none.csv")]) == 1
    assert not (folder / "none.csv").exists()
    return capsys.readouterr().err


modes = st.sampled_from(["per_pass", "per_token", "old"])
layouts = st.tuples(
    st.integers(0, 2**32),  # seed
    st.lists(st.booleans(), max_size=3).map(lambda layers: [*layers, True]),  # which layers are MoE
    st.integers(2, 6),  # experts
    st.integers(2, 3),  # top-k
)


@many
@given(layout=layouts, dumps=st.lists(st.integers(1, 4), min_size=1, max_size=3), unused=st.integers(0, 2), same=st.integers(1, 4))
def test_logical_counts_of_sglang(tmp_path, layout, dumps, unused, same):
    """_StatAccumulator.dump: sgl-project/sglang, python/sglang/srt/eplb/expert_distribution.py at 02295fe5."""
    seed, layers, experts, top_k = layout
    chance, truth, files, slot = random.Random(seed), Truth(), [], 0
    for number, passes in enumerate(dumps):
        logical = torch.zeros((passes + unused, len(layers), experts), dtype=torch.int32)
        for index in range(passes):
            for layer in (layer for layer, is_moe in enumerate(layers) if is_moe):
                for expert in chance.sample(range(experts), min(top_k, experts)) * chance.randint(1, 3):
                    logical[index, layer, expert] += same
                    truth[slot + index, layer, expert] += 1
        files.append(tmp_path / f"expert_distribution_recorder_{number}.pt")
        torch.save({"rank": 0, "logical_count": logical, "average_utilization_rate_over_window": None}, files[-1])
        slot += passes + unused
    assert converted(tmp_path, *files, "--same-tokens", same) == truth
    assert max(row["expert"] for row in rows(tmp_path / "out.csv.gz")) == experts - 1


@many
@given(
    layout=layouts,
    ranks=st.integers(1, 3),
    passes=st.integers(1, 3),
    twice=st.integers(0, 3),
    mode=st.sampled_from(["per_pass", "per_token", "old"]),
)
def test_records_of_sglang(tmp_path, layout, ranks, passes, twice, mode):
    """_DetailAccumulator.dump, at 02295fe5 and, of per_token, at dd780ab9; some experts are held twice."""
    seed, layers, experts, top_k = layout
    chance, truth = random.Random(seed), Truth()
    # Physical experts in any order, in each layer another; every logical one is there.
    maps = [chance.sample([*range(experts), *(chance.randrange(experts) for _ in range(twice))], experts + twice) for _ in layers]
    files = []
    for rank in range(ranks):
        records = []
        for number in range(passes):
            tokens = chance.randint(1, 4)
            ids = torch.full((len(layers), tokens, 8), -1, dtype=torch.int32)
            for layer in (layer for layer, is_moe in enumerate(layers) if is_moe):
                for token in range(tokens):
                    for place, expert in enumerate(chance.sample(range(experts), min(top_k, experts))):
                        held = [physical for physical, logical in enumerate(maps[layer]) if logical == expert]
                        ids[layer, token, place] = chance.choice(held)
                        truth[10 + number, layer, expert] += 1
            record: dict[str, Any] = {"forward_pass_id": 10 + number, "rank": rank, "gatherer_key": "primary"}
            if mode != "per_pass":
                record |= {"input_ids": [5] * tokens, "positions": list(range(tokens)), "extend_seq_lens": None, "forward_mode": 1}
                record |= {"topk_ids_of_layer": ids, "misc_objects": []}
            if mode != "old":
                record["global_physical_count"] = torch.stack([torch.bincount(each[each >= 0], minlength=experts + twice) for each in ids])
            records.append(record)
        files.append(tmp_path / f"expert_distribution_recorder_1.5_{rank}.pt")
        torch.save({"records": records, "last_physical_to_logical_map": torch.tensor(maps)}, files[-1])
    assert converted(tmp_path, *files) == truth


def saved(path: pathlib.Path, arrays: list[np.ndarray]) -> list[pathlib.Path]:
    """In a file, or one for each, as the suffix says."""
    if path.suffix == ".npz":
        np.savez(path, *arrays)
    elif path.suffix == ".pt":
        torch.save([torch.from_numpy(array) for array in arrays], path)
    else:
        files = [path.with_stem(f"{path.stem}{number}") for number in range(len(arrays))]
        for file, array in zip(files, arrays, strict=True):
            np.save(file, array)
        return files
    return [path]


@many
@given(
    layout=layouts,
    lengths=st.lists(st.integers(1, 5), min_size=1, max_size=3),
    suffix=st.sampled_from([".npy", ".npz", ".pt"]),
    kind=st.sampled_from([np.uint8, np.int16, np.int64]),
    samples=st.booleans(),
    fillers=st.integers(0, 2),
)
def test_arrays_of_routed_experts(tmp_path, layout, lengths, suffix, kind, samples, fillers):
    seed, layers, experts, top_k = layout
    top_k = min(top_k, experts)
    chance, truth, arrays = random.Random(seed), Truth(), []
    filler = 0 if kind is np.uint8 else -1
    for step, tokens in enumerate(lengths):
        array = np.zeros((tokens + fillers, len(layers), top_k), kind)
        array[tokens:] = filler
        for layer in (layer for layer, is_moe in enumerate(layers) if is_moe):
            for token in range(tokens):
                array[token, layer] = chance.sample(range(experts), top_k)
                truth.update((step, layer, int(expert)) for expert in array[token, layer])
        arrays.append(array[None] if samples else array)
    assert converted(tmp_path, *saved(tmp_path / f"routed{suffix}", arrays), "--experts", experts) == truth


def test_arrays_with_top_1_need_their_moe_layers(tmp_path, capsys):
    file = tmp_path / "a.npy"
    np.save(file, np.array([[[0], [0], [1]], [[0], [0], [0]]], np.uint8))
    assert "say --layers" in refused(capsys, tmp_path, file)
    assert converted(tmp_path, file, "--layers", "1,2") == Counter({(0, 1, 0): 2, (0, 2, 1): 1, (0, 2, 0): 1})
    assert "--layers has 3, but the arrays have 3 layers" in refused(capsys, tmp_path, file, "--layers", "3")


def test_ranks_that_routed_the_same_tokens_are_named(tmp_path, capsys):
    file = tmp_path / "a.pt"
    torch.save({"rank": 0, "logical_count": torch.tensor([[[4, 12, 8, 8]]])}, file)
    assert sum(converted(tmp_path, file).values()) == 32
    assert "every count is a multiple of 4" in capsys.readouterr().err
    assert converted(tmp_path, file, "--same-tokens", 4) == Counter({(0, 0, 0): 1, (0, 0, 1): 3, (0, 0, 2): 2, (0, 0, 3): 2})
    assert "every count" not in capsys.readouterr().err
    assert "expert 0: 4 is no multiple of --same-tokens 3" in refused(capsys, tmp_path, file, "--same-tokens", 3)


def record(**values: Any) -> dict[str, Any]:
    made = {"forward_pass_id": 0, "rank": 0, "gatherer_key": "primary", "global_physical_count": torch.tensor([[1, 1]])} | values
    return {name: value for name, value in made.items() if value is not None}


def recording(*records: dict[str, Any], held: Any = ((0, 1),)) -> dict[str, Any]:
    return {"records": list(records), "last_physical_to_logical_map": torch.tensor(held)}


class Unknown:
    pass


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"logical_count": torch.zeros(2, 3)}, "holds numbers of type float32; allowed are whole numbers"),
        ({"logical_count": torch.zeros(2, 3, dtype=torch.int32)}, "has the shape (2, 3); allowed is forward passes × layers × experts"),
        ({"logical_count": torch.tensor([[[-1, 2]]])}, "has a count of -1"),
        ({"logical_count": torch.zeros(1, 1, 2, dtype=torch.int32)}, "holds no choice of an expert"),
        ({"logical_count": torch.zeros(1, dtype=torch.bfloat16)}, "allowed are whole numbers"),
        ({"logical_count": 7}, "is of type int; allowed are arrays"),
        ({}, "is empty"),
        ({"loss": 0.5}, "['loss'] is of type float; allowed are arrays"),
        ("text", "is of type str; allowed are arrays"),
        (recording(record(), record()), "forward pass 0 of rank 0 stands in"),
        (recording(record(forward_pass_id=-1)), "forward_pass_id is -1; allowed are whole numbers from 0"),
        (recording(record(rank=None)), "has no rank; SGLang's recorder writes one"),
        (recording(record(global_physical_count=None)), "has neither global_physical_count nor topk_ids_of_layer"),
        (recording(record(), held=[[0, 1, 2]]), "has the shape (1, 2), but the map (1, 3)"),
        (recording(record(), held=[[0, -1]]), "allowed are indices from 0"),
        (recording(record(), held=[[0, 2**60]]), "allowed are indices from 0 below 65536"),
        (torch.tensor([[[1, 2**62]]]), "there are 4611686018427387905 experts in a layer; allowed are at most 65536"),
        (recording(record(global_physical_count=None, topk_ids_of_layer=torch.tensor([[[2]]]))), "ids up to 2, but the map (1, 2)"),
        ({"records": [record()]}, "has no last_physical_to_logical_map"),
        (torch.tensor([[1, 2]]), "has the shape (1, 2); allowed is tokens × layers × top-k"),
        (torch.tensor([[[1, 1]]]), "layer 0, token 0: [1, 1] has an expert twice"),
        (torch.tensor([[[1, 2]], [[-1, 3]]]), "layer 0, token 1: [-1, 3] has a negative expert beside others"),
        ([torch.tensor([[[1, 2]]]), torch.tensor([[[1, 2, 3]]])], "arrays have different layers and top-k"),
        (Unknown(), "cannot be loaded as tensors, numbers and text alone"),
    ],
)
def test_what_is_wrong_is_refused(tmp_path, capsys, value, message):
    file = tmp_path / "a.pt"
    torch.save(value, file)
    assert message in refused(capsys, tmp_path, file)


def test_files_that_are_none_are_refused(tmp_path, capsys):
    for name, content, message in [
        ("a.pt", b"", "cannot be loaded"),
        ("b.pt", b"text", "cannot be loaded"),
        ("c.npy", b"text", "is no array of numbers"),
        ("d.npz", b"PK\x03\x04text", "is no array of numbers"),
        ("e.csv", b"step", "is none of .pt, .npy and .npz"),
    ]:
        (tmp_path / name).write_bytes(content)
        assert message in refused(capsys, tmp_path, tmp_path / name)
    np.save(tmp_path / "f.npy", np.array([{}], object), allow_pickle=True)
    assert "is no array of numbers" in refused(capsys, tmp_path, tmp_path / "f.npy")
    assert "No such file" in refused(capsys, tmp_path, tmp_path / "g.pt")
    torch.save({"logical_count": torch.ones(1, 1, 2, dtype=torch.int32)}, tmp_path / "h.pt")
    np.save(tmp_path / "i.npy", np.array([[[1, 2]]]))
    assert "convert each kind by itself" in refused(capsys, tmp_path, tmp_path / "h.pt", tmp_path / "i.npy")
    assert "but --experts is 3" in refused(capsys, tmp_path, tmp_path / "h.pt", "--experts", 3)
    with pytest.raises(SystemExit):
        main(["convert", str(tmp_path / "h.pt"), "--out", str(tmp_path / "o.csv"), "--same-tokens", "0"])
    assert "'0'; allowed are whole numbers from 1" in capsys.readouterr().err


@pytest.mark.skipif(not collector.available(), reason="the command is not built")
def test_what_is_converted_is_imported(tmp_path):
    logical = torch.tensor([[[3, 1, 0, 0], [0, 0, 0, 0]], [[0, 0, 0, 0], [0, 0, 0, 0]], [[1, 1, 2, 0], [0, 0, 0, 0]]], dtype=torch.int32)
    torch.save({"rank": 0, "logical_count": logical, "average_utilization_rate_over_window": None}, tmp_path / "recorded.pt")
    assert main(["convert", str(tmp_path / "recorded.pt"), "--out", str(tmp_path / "recorded.csv.gz")]) == 0
    lab = collector.Collector(tmp_path / "data")
    try:
        command = ["node", str(collector.COMMAND), "import", str(tmp_path / "recorded.csv.gz"), "--format", "csv", "--top-k", "2"]
        ended = subprocess.run([*command, "--data", str(tmp_path / "data"), "--json"], capture_output=True, text=True, timeout=120)
        assert ended.returncode == 0, ended.stderr
        history = lab.history(json.loads(ended.stdout)["run"])
        loads = {each["firstStep"]: each["layers"] for each in history}
        assert {step: [layer["layer"] for layer in layers] for step, layers in loads.items()} == {0: [0], 2: [0]}
        assert {step: layers[0]["categories"][0]["counts"] for step, layers in loads.items()} == {0: [3, 1, 0, 0], 2: [1, 1, 2, 0]}
    finally:
        lab.stop()
