"""Many processes, restarts, work without a collector: on two gloo ranks, in processes that are killed, offline."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys

import collector
import numpy as np
import pytest
import qwen
import torch
from test_collector import stored, train
from test_run import senders_of

import moescope
from moescope.__main__ import main

pytestmark = pytest.mark.skipif(not collector.available(), reason="the collector is not built: see test_collector.py")
SECRET = "0123456789abcdef"
HERE = pathlib.Path(__file__).resolve().parent


@pytest.fixture
def lab(tmp_path):
    started = collector.Collector(tmp_path / "data")
    yield started
    started.stop()


def script(tmp_path: pathlib.Path, text: str) -> str:
    path = tmp_path / "script.py"
    path.write_text(f"import sys\nsys.path.insert(0, {str(HERE)!r})\n{text}")
    return str(path)


DISTRIBUTED = """
import os, torch, torch.distributed as dist, moescope, qwen
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel
dist.init_process_group("gloo")
rank = dist.get_rank()
run = moescope.init(sys.argv[1], categories=qwen.CATEGORIES, spool=sys.argv[2], name="ddp")
plain = qwen.model()
truth = qwen.Truth(plain)
if sys.argv[3] == "ddp":
    model = DistributedDataParallel(plain)
else:
    for block in plain.model.layers:
        fully_shard(block, mesh=init_device_mesh("cpu", (2,)))
    model = fully_shard(plain, mesh=init_device_mesh("cpu", (2,)))
run.attach(model)
optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
expected = []
for step in range(6):
    inputs, category = qwen.batch(100 * rank + step)
    expected.append(truth.counts(plain, inputs, category))
    with run.tokens(category=category):
        loss = model(**inputs).loss
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    run.step(step, loss=loss)
assert run.finish(seconds=60)
torch.save((run.id, torch.stack(expected)), f"{sys.argv[2]}.{rank}")
dist.destroy_process_group()
"""


@pytest.mark.parametrize("parallel", ["ddp", "fsdp2"])
def test_two_ranks_find_each_other_and_add_up(lab, tmp_path, parallel):
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "0", "--standalone"]
    arguments = [script(tmp_path, DISTRIBUTED), lab.address, str(tmp_path / "spool"), parallel]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=240, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    (first, of_first), (second, of_second) = (torch.load(f"{tmp_path}/spool.{rank}") for rank in (0, 1))
    assert first == second
    assert torch.stack(stored(lab, first, ranks=2)).tolist() == (of_first + of_second).tolist()


KILLED = """
import os, signal, torch, moescope, qwen
from test_collector import train
run = moescope.init(sys.argv[1], categories=qwen.CATEGORIES, spool=sys.argv[2], run_id="killed")
def between(step):
    if step == 7:
        while run._reporter._spool.last < 8:
            pass
        os.kill(os.getpid(), signal.SIGKILL)
torch.save(train(run, 4), sys.argv[2] + ".expected") if sys.argv[3:] else train(run, 20, between)
"""


def test_what_a_killed_trainer_left_is_delivered_and_its_restart_is_a_new_attempt(lab, tmp_path):
    arguments = [sys.executable, script(tmp_path, KILLED), lab.address, str(tmp_path / "spool")]
    environment = {**os.environ, "TORCHELASTIC_RESTART_COUNT": "0"}
    assert subprocess.run(arguments, timeout=120, env=environment).returncode == -signal.SIGKILL
    (summary,) = collector.until(lambda: [r for r in lab.get("runs")["runs"] if r["steps"] == 8], what="8 steps")
    assert summary["lastStep"] == 7
    again = subprocess.run([*arguments, "short"], timeout=120, env={**environment, "TORCHELASTIC_RESTART_COUNT": "1"})
    assert again.returncode == 0
    (summary,) = lab.get("runs")["runs"]
    assert [attempt["attempt"] for attempt in summary["attempts"]] == [0, 1]
    assert summary["state"] == "FINISHED"


def test_offline_then_sync(lab, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("MOESCOPE_MODE", "offline")
    run = moescope.init(categories=qwen.CATEGORIES, spool=tmp_path / "spool")
    expected = train(run, 5)
    assert not run.finish()
    assert main(["sync", str(tmp_path / "spool"), "--address", lab.address]) == 0
    assert torch.stack(stored(lab, run.id)).tolist() == torch.stack(expected).tolist()
    assert "sent" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["sync", str(tmp_path / "spool"), "--address", lab.address])
    assert "no run waits in it" in capsys.readouterr().err


def test_a_collector_that_comes_late_gets_everything(tmp_path):
    late = collector.Collector(tmp_path / "data")
    late.kill()
    run = moescope.init(late.address, categories=qwen.CATEGORIES, spool=tmp_path / "spool")
    expected = train(run, 5)
    assert not run.finish(seconds=0.2)
    late.start()
    try:
        collector.until(lambda: late.get("runs").get("runs") and late.get("runs")["runs"][0]["state"] == "FINISHED", what="the end")
        assert torch.stack(stored(late, run.id)).tolist() == torch.stack(expected).tolist()
    finally:
        late.stop()


def test_a_second_job_under_the_same_id_is_refused(lab, tmp_path, capfd):
    for number in range(2):
        run = moescope.init(lab.address, run_id="same", categories=qwen.CATEGORIES, spool=tmp_path / f"spool-{number}")
        train(run, 2)
        assert run.finish(seconds=30) == (number == 0)
    assert "already holds 3 messages of this run, rank and attempt from another process" in capfd.readouterr().err
    (kept,) = (tmp_path / "spool-1").rglob("refused")
    assert "already holds 3" in kept.read_text()
    assert main(["sync", str(tmp_path / "spool-1"), "--address", lab.address]) == 1
    assert kept.exists()


def test_tokens_let_in(tmp_path, monkeypatch, capfd):
    secured = collector.Collector(tmp_path / "data", {"MOESCOPE_TOKEN": SECRET})
    try:
        for token, stores in ((None, False), ("wrong-" + SECRET, False), (SECRET, True)):
            run = moescope.init(secured.address, token=token, spool=tmp_path / "spool")
            run.log_counts(0, [1, 2, 1], top_k=2)
            run.step(0)
            assert run.finish(seconds=30) == stores, token
        assert capfd.readouterr().err.count("refuses this run") == 2
        monkeypatch.setenv("MOESCOPE_TOKEN", SECRET)
        assert main(["sync", str(tmp_path / "spool"), "--address", secured.address]) == 0
        assert not list((tmp_path / "spool").rglob("*.frames"))
    finally:
        secured.stop()


def test_categories_and_layers_that_come_later_are_described_before_they_are_used(lab, tmp_path):
    run = moescope.init(lab.address, spool=tmp_path / "spool")
    run.log_counts(3, [4, 2], top_k=2)
    run.step(0, loss=1.5)
    run.log_counts(3, [1, 1], top_k=2, category="code")
    run.log_counts(5, [0, 7, 2], tokens=4, category="docs", gate_mass=[0, 1.5, 0.5])
    run.log_counts(5, [1, 0, 0], tokens=1, category="docs")
    run.step(1, loss=1.25)
    assert run.finish(seconds=30)
    first, second = lab.history(run.id)
    assert [layer["layer"] for layer in second["layers"]] == [3, 5]
    (load,) = second["layers"][1]["categories"]
    assert (load["category"], load["counts"], load["tokens"]) == (2, [1, 7, 2], 5)
    assert second["layers"][1]["gateMass"] == [0, 1.5, 0.5]
    (load,) = first["layers"][0]["categories"]
    assert (load["category"], load["counts"], load["tokens"]) == (0, [4, 2], 3)


def test_a_step_that_the_collector_never_takes_is_left_out(lab, tmp_path, capfd):
    run = moescope.init(lab.address, spool=tmp_path / "spool")
    run.step(0, loss=1.0)
    for layer in range(64):
        run.log_counts(layer, np.full(2**16, 2**30), tokens=1, gate_mass=np.ones(2**16))
    run.step(1, loss=2.0)
    run.log_counts(1, np.ones(2**16), tokens=1)
    run.step(2, loss=3.0)
    assert run.finish(seconds=60)
    assert [bucket["firstStep"] for bucket in lab.get(f"runs/{run.id}/history?points=2000")["buckets"]] == [0, 2]
    assert "rejects message 2: it has 37" in capfd.readouterr().err


def test_tls(tmp_path):
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    names = ["-subj", "/CN=lab", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-out", certificate, "-keyout", key, *names]
    subprocess.run(made, check=True, capture_output=True)
    key.chmod(0o600)
    secured = collector.Collector(tmp_path / "data", options=["--tls-cert", str(certificate), "--tls-key", str(key)])
    try:
        for ca, stores in ((str(certificate), True), (None, False)):
            run = moescope.init(secured.address, ca=ca, spool=tmp_path / f"spool-{stores}")
            run.step(0, loss=1.0)
            assert run.finish(seconds=20 if stores else 2) == stores
    finally:
        for sender in senders_of(tmp_path):
            os.kill(sender, signal.SIGKILL)
        secured.stop()
