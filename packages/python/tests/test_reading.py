"""Runs read in a notebook: equal to what was reported, and to what `moescope export` writes, over any range and at any resolution."""

from __future__ import annotations

import bisect
import http.server
import json
import math
import os
import pathlib
import random
import re
import subprocess
import threading

import collector
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as some
from reported import SCALARS, Truth, report

import moescope
from moescope.reading import history, tables

pytestmark = pytest.mark.skipif(not collector.available(), reason="the collector is not built: see test_collector.py")
SECRET = "0123456789abcdef"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    started = collector.Collector(tmp_path_factory.mktemp("lab") / "data")
    yield started
    started.stop()


@pytest.fixture(scope="module")
def spool(tmp_path_factory):
    return tmp_path_factory.mktemp("spool")


@pytest.fixture(scope="module")
def shapes(lab, spool) -> tuple[moescope.reading.StoredRun, Truth]:
    truth = report(lab.address, spool, 4, "shapes", most_steps=60)
    return moescope.connect(lab.url).run("shapes"), truth


def exported(lab: collector.Collector, run: str, out: pathlib.Path, *options: str) -> dict[str, list[dict]]:
    command = ["node", str(collector.COMMAND), "export", run, "--url", lab.url, "--format", "jsonl", "--out", str(out), *options]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return {path.stem: [json.loads(line) for line in path.read_text().splitlines()] for path in out.glob("*.jsonl")}


def numbers(read: moescope.reading.ByExpert) -> dict[tuple, float]:
    """Those that are not masked, by step, layer, category where there is one, and expert."""
    places = [
        read.steps.first.tolist(),
        read.layers.tolist(),
        *([read.categories] if read.categories else []),
        range(read.values.shape[-1]),
    ]
    there = np.argwhere(~np.ma.getmaskarray(read.values))
    return {tuple(at[i] for at, i in zip(places, index, strict=True)): read.values.data[tuple(index)].item() for index in there.tolist()}


def by_place(rows: list[dict], value: str, *more: str) -> dict[tuple, float]:
    return {tuple(row[name] for name in ("step", "layer", *more, "expert")): float(row[value]) for row in rows if row[value] is not None}


@pytest.mark.parametrize("seed", range(6))
def test_equal_to_what_was_reported_and_to_what_export_writes(lab, spool, tmp_path, seed):
    truth = report(lab.address, spool, seed, f"run-{seed}")
    run = moescope.connect(lab.url).run(f"run-{seed}")
    counts = run.counts(by_category=True, dropped=True)
    assert counts.values.dtype == np.int64
    assert counts.steps.first.tolist() == counts.steps.last.tolist() == sorted(truth.attempt)
    assert counts.steps.attempt.tolist() == [truth.attempt[step] for step in sorted(truth.attempt)]
    places = [(step, layer) for step in truth.counts for layer in truth.counts[step]]
    for read, table in ((counts, truth.counts), (counts.dropped, truth.dropped)):
        expected = {
            (step, layer.index, category, expert): int(table[step][layer.index].get(category, np.zeros(layer.experts))[expert])
            for step, layer_index in places for layer in run.layers if layer.index == layer_index
            for category in run.categories for expert in range(layer.experts)
        }  # fmt: skip
        assert numbers(read) == expected
    assert numbers(run.bias()) == {
        (step, layer, expert): float(value)
        for step in truth.bias for layer, row in truth.bias[step].items() if layer in truth.counts.get(step, {})
        for expert, value in enumerate(row)
    }  # fmt: skip
    together = run.counts()
    assert together.values.tolist() == counts.values.sum(axis=2).tolist()
    assert together.values.sum() == sum(row.sum() for step in truth.counts.values() for layer in step.values() for row in layer.values())

    tables = exported(lab, run.id, tmp_path / "all", "--split", "train")
    rows = tables["routing"]
    read, lost = numbers(counts), numbers(counts.dropped)
    assert {place: count for place, count in read.items() if count} == {k: v for k, v in by_place(rows, "count", "category").items() if v}
    assert set(by_place(rows, "count", "category")) <= set(read)
    assert {place: count for place, count in lost.items() if count} == {k: v for k, v in by_place(rows, "dropped", "category").items() if v}
    assert numbers(run.bias()) == by_place(rows, "selection_bias")
    assert numbers(run.gate_mass()) == by_place(tables["gates"], "gate_mass")
    assert numbers(run.mean_probability()) == by_place(tables["gates"], "mean_probability")
    steps = [(row["step"], row["attempt"], row["tokens"], round(1000 * row["time"])) for row in tables["steps"]]
    of = counts.steps
    assert list(zip(of.first.tolist(), of.attempt.tolist(), of.tokens.tolist(), of.time.astype(int).tolist(), strict=True)) == steps

    scalars = run.scalars()
    assert set(scalars.values) <= set(SCALARS)
    found = {
        (step, name): value for name in scalars.values for step, value in zip(scalars.steps.first.tolist(), scalars[name], strict=True)
    }
    assert {at: value for at, value in found.items() if not math.isnan(value)} == {
        (row["step"], row["name"]): row["value"] for row in tables["scalars"]
    }
    for (step, name), value in found.items():
        sent = truth.scalars.get(step, {}).get(name, [math.nan])
        assert value == pytest.approx(sum(sent) / len(sent), nan_ok=True)

    for attempt in run.attempts[:-1]:
        earlier = exported(lab, run.id, tmp_path / "first", "--split", "train", "--attempt", str(attempt.attempt))
        read = numbers(run.counts(by_category=True, attempt=attempt.attempt))
        assert {k: v for k, v in read.items() if v} == {k: v for k, v in by_place(earlier["routing"], "count", "category").items() if v}
        assert attempt.steps == len(earlier["steps"]) == len(run.scalars(attempt=attempt.attempt).steps)


def ranges_up_to(most: int) -> some.SearchStrategy[tuple]:
    ends = some.none() | some.integers(0, most)
    return some.tuples(ends, ends).map(lambda pair: pair if None in pair else tuple(sorted(pair)))


@settings(max_examples=20, deadline=None)
@given(
    data=some.data(),
    asked=ranges_up_to(130),
    points=some.none() | some.integers(1, 12) | some.integers(1, 300),
    by_category=some.booleans(),
    most=some.sampled_from([1] + 3 * [300, 10**6]),
)
def test_ranges_and_resolutions_add_up_however_little_an_answer_holds(shapes, data, asked, points, by_category, most):
    run, truth = shapes
    start, stop = asked
    layers = data.draw(some.none() | some.lists(some.sampled_from([layer.index for layer in run.layers]), unique=True))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "ANSWER_COUNTS", most)
        read = run.counts(start, stop, layers=layers, by_category=by_category, dropped=True, points=points)
    steps = [step for step in sorted(truth.attempt) if (start or 0) <= step and (stop is None or step < stop)]
    assert read.layers.tolist() == ([layer.index for layer in run.layers] if layers is None else layers)
    assert sum(read.steps.summed.tolist()) == len(steps)
    if points is None:
        assert read.steps.first.tolist() == steps
    else:
        assert len(read.steps) <= points
    pairs = ((read.values, truth.counts), (read.dropped.values, truth.dropped))
    tables = [(values.data, np.ma.getmaskarray(values), table) for values, table in pairs]
    rest = iter(steps)
    for at, (first, last, summed) in enumerate(zip(read.steps.first, read.steps.last, read.steps.summed, strict=True)):
        inside = [next(rest) for _ in range(summed)]
        assert (inside[0], inside[-1]) == (first, last)
        for place, layer in enumerate(read.layers.tolist()):
            for values, masked, table in tables:
                loads = [table[step][layer] for step in inside if layer in table.get(step, {})]
                rows = [sum(load.get(category, 0) for load in loads) for category in run.categories]
                expected = np.array([np.broadcast_to(row, experts_of(run, layer)) for row in rows])
                expected = expected if by_category else expected.sum(axis=0)
                assert values[at, place][~masked[at, place]].tolist() == (expected.ravel().tolist() if loads else [])


def experts_of(run, index: int) -> int:
    return next(layer.experts for layer in run.layers if layer.index == index)


def test_steps_far_apart_are_added_up_whole(lab, spool):
    steps = [0, 3, 63, 64, 65, 200, 256, 500, 10**6, 10**6 + 1, 2**40]
    with moescope.init(lab.address, run_id="far", spool=spool) as reporting:
        for place, step in enumerate(steps):
            reporting.log_counts(0, [2**place, 1], top_k=1)
            reporting.step(step)
        assert reporting.finish(seconds=60)
    run = moescope.connect(lab.url).run("far")
    assert run.counts().steps.first.tolist() == steps
    asked = [(501, 16, 1), (501, 16, 10**6), (501, 250, 60), (501, 501, 10**6), (10**6 + 2, 7, 1), (10**6 + 2, 400, 10**6), (2**41, 3, 1)]
    for stop, points, most in asked:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(history, "ANSWER_COUNTS", most)
            read = run.counts(stop=stop, points=points)
        assert 1 <= len(read.steps) <= points
        assert read.values[:, 0, 0].sum() == 2 ** len([step for step in steps if step < stop]) - 1
        assert read.values[:, 0, 1].tolist() == read.steps.summed.tolist()


FORGETFUL = """
import {{ startCollector }} from {library!r};
const ports = {{ http: {{ port: 0 }}, grpc: {{ port: 0 }} }};
const sums = {{ keepSingle: {{ steps: 40 }}, rollUpEvery: 32, retentionInterval: 20 }};
const {{ httpAddress, grpcAddress }} = await startCollector({{ dataDirectory: {data!r}, logLevel: "silent", ...ports, ...sums }});
console.log(httpAddress, grpcAddress);
"""


@pytest.fixture(scope="module")
def summed(tmp_path_factory):
    """A run of two attempts at a collector that keeps the newest forty steps of each one by one, and the counts of each step."""
    folder, chance, truth = tmp_path_factory.mktemp("summed"), random.Random(7), {}
    library = str(collector.REPOSITORY / "packages/telemetry/dist/index.js")
    command = ["node", "--input-type=module", "-e", FORGETFUL.format(library=library, data=str(folder / "data"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            web, address = process.stdout.readline().split()
            for attempt, (first, last) in enumerate(
                [(3, 330), (224, 500)]
            ):  # forks between two sums: of one that is whole the collector shows one attempt
                truth = {step: counts for step, counts in truth.items() if step < first}
                with moescope.init(address, run_id="summed", attempt=attempt, spool=folder / "spool") as reporting:
                    for step in [first, *(step for step in range(first + 1, last) if chance.random() < 0.8), last]:
                        truth[step] = np.array([[chance.randint(0, 99) + 1 for _ in range(3)] for _ in range(2)])
                        for layer in range(2):
                            reporting.log_counts(layer, truth[step][layer], top_k=1)
                        reporting.step(step, loss=step)
                    assert reporting.finish(seconds=60)
            run = moescope.connect(f"http://{web}").run("summed")
            collector.until(lambda: all(attempt.single_from > attempt.first_step for attempt in run.refresh().attempts), what="sums alone")
            yield run, truth
        finally:
            process.kill()


@settings(max_examples=20, deadline=None)
@given(asked=ranges_up_to(520), points=some.none() | some.integers(1, 400), most=some.sampled_from([60, 700, 10**6]))
@example(asked=(None, None), points=7, most=10**6)
@example(asked=(None, None), points=100, most=100)
@example(asked=(440, 480), points=None, most=1)
@example(asked=(0, 64), points=None, most=700)
@pytest.mark.filterwarnings("ignore:training steps of summed")
def test_steps_that_are_stored_as_sums_alone_are_read_as_sums(summed, asked, points, most):
    run, truth = summed
    single_from = max(attempt.single_from for attempt in run.attempts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "ANSWER_COUNTS", most)
        read = run.counts(*asked, points=points)
    steps = sorted(truth)
    wanted = [step for step in steps if (asked[0] or 0) <= step and (asked[1] is None or step < asked[1])]
    ends = zip(read.steps.first, read.steps.last, strict=True)
    inside = [steps[bisect.bisect_left(steps, first) : bisect.bisect_right(steps, last)] for first, last in ends]
    assert [len(steps) for steps in inside] == read.steps.summed.tolist()
    shown = [step for steps in inside for step in steps]
    assert sorted(set(shown)) == shown
    assert set(wanted) <= set(shown)
    assert all(first // 32 * 32 < asked[1] for first in read.steps.first if asked[1] is not None)
    assert [values.tolist() for values in read.values] == [sum(truth[step] for step in steps).tolist() for steps in inside]
    if points is None:
        assert all(len(steps) == 1 for steps in inside if steps[0] >= single_from)
        assert all(first // 32 == last // 32 for first, last in zip(read.steps.first, read.steps.last, strict=True))


def test_sums_in_place_of_steps_are_warned_of(summed):
    run, _ = summed
    with pytest.warns(UserWarning, match=r"training steps of summed before \d+ are stored as sums of 32 steps: there a bucket is so wide"):
        run.counts()


def test_a_long_run_takes_few_requests_and_whole_numbers_stay_exact(lab, spool, monkeypatch):
    steps, most = 4500, 2**32 - 1
    with moescope.init(lab.address, run_id="long", spool=spool) as reporting:
        for step in range(steps):
            reporting.log_counts(0, [most, most - step, 1], top_k=1)
            reporting.step(step, loss=step / 2)
        assert reporting.finish(seconds=120)
    run = moescope.connect(lab.url).run("long")
    asked = []
    get = run._connection.get
    monkeypatch.setattr(run._connection, "get", lambda *request: asked.append(request) or get(*request))
    assert run.scalars()["loss"].tolist() == [step / 2 for step in range(steps)]
    assert len(asked) <= 6
    counts = run.counts().values
    assert len(asked) <= 12
    assert counts[:, 0].tolist() == [[most, most - step, 1] for step in range(steps)]
    assert np.ma.getmask(counts) is np.ma.nomask
    assert run.counts(points=1).values.tolist() == [[[steps * most, steps * most - steps * (steps - 1) // 2, steps]]]
    assert [len(run.scalars(points=points).steps) for points in (1, 2, 3, 5, 4499)] == [1, 2, 3, 5, 2250]
    last, _, half = (run.scalars(2000, 4000, points=500, summary=name)["loss"] for name in ("last", "mean", "min"))
    assert (last - half).tolist() == [1.5] * 500
    assert run.scalars(2000, 4000, points=500)["loss"].tolist() == ((last + half) / 2).tolist()


def test_xarray_and_pandas_have_the_same_numbers(shapes):
    run, _ = shapes
    counts = run.counts(by_category=True, dropped=True)
    array, frame = counts.to_xarray(), counts.to_pandas()
    assert array.dims == ("step", "layer", "category", "expert")
    assert np.array_equal(array.values, counts.values.astype(float).filled(np.nan), equal_nan=True)
    layer, category = run.layers[-1], run.categories[-1]
    cut = array.sel(layer=layer.index, category=category, step=slice(10, 60)).isel(expert=slice(layer.experts))
    rows = frame[(frame.layer == layer.index) & (frame.category == category) & frame.step.between(10, 60)]
    assert rows["count"].tolist() == [count for row in cut.values.tolist() for count in row if not math.isnan(count)]
    assert (frame["count"].dtype, str(frame["dropped"].dtype)) == (np.int64, "Int64")
    assert frame["count"].sum() == counts.values.sum()
    assert frame["dropped"].sum() == counts.dropped.values.sum()
    assert list(frame.columns) == ["attempt", "step", "last_step", "layer", "category", "expert", "count", "dropped"]
    scalars = run.scalars()
    assert scalars.to_pandas().index.name == "step"
    for name in scalars.values:
        assert np.array_equal(scalars.to_pandas()[name], scalars[name], equal_nan=True)
        assert np.array_equal(scalars.to_xarray()[name].values, scalars[name], equal_nan=True)
    whole = run.counts(layers=[layer.index], points=1).to_xarray()
    assert (whole.dims, whole.dtype, int(whole.steps[0])) == (("step", "layer", "expert"), np.int64, len(counts.steps))


@pytest.mark.parametrize("package", ["xarray", "pandas"])
def test_what_is_not_installed_is_named(shapes, monkeypatch, package):
    monkeypatch.setitem(__import__("sys").modules, package, None)
    for read in (shapes[0].counts(0, 1), shapes[0].scalars(0, 1)):
        with pytest.raises(ImportError, match=rf"to_{package}\(\) needs {package}: pip install {package}"):
            getattr(read, f"to_{package}")()


def test_facts_alerts_and_a_run_that_is_live(lab, spool):
    told = dict(name="what is known", strategy="loss-free", config={"lr": 1e-3, "path": [1]}, tags=["a"], spool=spool)
    with moescope.init(lab.address, run_id="facts", **told) as reporting:
        reporting.step(10)
        stored = moescope.connect(lab.url)
        collector.until(lambda: any(run.id == "facts" and run.steps for run in stored.runs()), what="the run in the list")
        run = stored.run("facts")
        assert (run.state, run.steps, run.last_step, run.layers) == ("live", 1, 10, ())
        assert (run.counts().values.shape, run.bias().to_xarray().shape, run.scalars().values) == ((1, 0, 0), (1, 0, 0), {})
        assert run.counts(split="eval").values.shape == run.counts(0, 10).values.shape == (0, 0, 0)
        reporting.log_counts(7, [3, 1], top_k=2)
        reporting.step(11, loss=math.nan)
        assert reporting.finish("stopped", "enough", seconds=60)
    run.refresh()
    assert (run.name, run.strategy, run.config, run.tags, run.categories) == (*(told[of] for of in list(told)[:3]), ("a",), ("all",))
    assert (run.state, run.reason, run.steps, run.last_step, run.tokens, run.ranks) == ("stopped", "enough", 2, 11, 2, 1)
    (layer,), (attempt,), (alert,) = run.layers, run.attempts, collector.until(run.alerts, what="an alert")
    assert (layer.index, layer.experts, layer.top_k) == (7, 2, 2)
    assert (attempt.first_step, attempt.last_step, attempt.outcome, attempt.parent) == (10, 11, "stopped", None)
    assert (alert.rule, alert.layer, alert.began_step, alert.over_step) == ("not_a_number", None, 11, None)
    assert "not a finite number" in alert.message
    assert np.isnan(run.scalars()["loss"]).tolist() == [True, True]
    assert repr(run) == "<moescope run facts: stopped, 2 steps, 1 MoE layers of 2 experts>"


def test_runs_are_found_by_id_name_or_beginning(lab, spool):
    stored = moescope.connect(lab.url)
    for run_id, name in (("sweep-a1", "wide"), ("sweep-a2", "narrow"), ("sweep-b", "narrow"), ("wide-other", "another")):
        with moescope.init(lab.address, run_id=run_id, name=name, spool=spool) as reporting:
            reporting.step(0)
            assert reporting.finish(seconds=60)
    assert [stored.run(wanted).id for wanted in ("sweep-a1", "sweep-b", "wide", "wide-", "sweep-a1")] == [
        "sweep-a1", "sweep-b", "sweep-a1", "wide-other", "sweep-a1",
    ]  # fmt: skip
    assert {"sweep-a1", "sweep-a2", "sweep-b"} <= {run.id for run in stored.runs()}
    with pytest.raises(LookupError, match=r"run 'narrow' may be (sweep-b or sweep-a2|sweep-a2 or sweep-b); write the id"):
        stored.run("narrow")
    with pytest.raises(LookupError, match="run 'sweep-a' may be sweep-a"):
        stored.run("sweep-a")
    with pytest.raises(LookupError, match="there is no run 'sweap-b'; did you mean 'sweep-b'"):
        stored.run("sweap-b")


@pytest.mark.parametrize(("options", "message"), [
    (dict(layers=[99]), r"layers has 99: the MoE layers of run shapes are \d"),
    (dict(start=5, stop=4), "start is 5 and stop 4: must be steps from 0, stop not before start"),
    (dict(start=-1), "start is -1"),
    (dict(points=0), "points is 0: must be 1 or more"),
    (dict(split="test"), "split is 'test': must be one of train, eval, probe, rollout"),
])  # fmt: skip
def test_arguments_are_checked(shapes, options, message):
    with pytest.raises(ValueError, match=message):
        shapes[0].counts(**options)


def test_what_the_collector_refuses_is_said_in_its_words(shapes):
    with pytest.raises(moescope.CollectorError, match="parameter attempt is 77: the run's attempts are") as raised:
        shapes[0].counts(attempt=77)
    assert raised.value.status == 400
    with pytest.raises(ValueError, match="summary is 'median': must be one of mean, min, max, first, last"):
        shapes[0].scalars(summary="median")


def test_a_token_is_shown_and_the_connection_comes_back(tmp_path, monkeypatch):
    tokens = tmp_path / "tokens"
    tokens.write_text(f"read {SECRET}-read\nwrite {SECRET}-write\n")
    tokens.chmod(0o600)
    secured = collector.Collector(tmp_path / "data", options=["--token-file", str(tokens)])
    try:
        for token in (None, SECRET + "-wrong"):
            with pytest.raises(
                moescope.CollectorError, match=r"a token is needed, of role read, both or admin \(token=, or MOESCOPE_TOKEN\)"
            ):
                moescope.connect(secured.url, token=token)
        with pytest.raises(moescope.CollectorError, match="a token of role write does not read"):
            moescope.connect(secured.url, token=SECRET + "-write").runs()
        with pytest.raises(ValueError, match="token: must be letters"):
            moescope.connect(secured.url, token="two words")
        monkeypatch.setenv("MOESCOPE_URL", secured.url)
        monkeypatch.setenv("MOESCOPE_TOKEN", SECRET + "-read")
        stored = moescope.connect()
        assert stored.runs() == []
        with pytest.raises(LookupError, match="there is no run 'a': none is stored there"):
            stored.run("a")
        assert SECRET not in repr(stored) + repr(vars(stored))
        secured.kill()
        with pytest.raises(moescope.CollectorError, match=f"no collector answers at {re.escape(secured.url)}: .*refused"):
            stored.runs()
        secured.start()
        assert stored.runs() == []
        secured.kill()
        secured.start()
        assert stored.runs() == []
    finally:
        secured.stop()


def test_tls(tmp_path):
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    names = ["-subj", "/CN=lab", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-out", certificate, "-keyout", key, *names]
    subprocess.run(made, check=True, capture_output=True)
    key.chmod(0o600)
    pem, options = str(certificate), ["--tls-cert", str(certificate), "--tls-key", str(key), "--tls-client-ca", str(certificate)]
    secured = collector.Collector(tmp_path / "data", options=options)
    try:
        assert moescope.connect(secured.url, ca=pem, cert=pem, key=str(key)).runs() == []
        with pytest.raises(moescope.CollectorError, match="certificate verify failed"):
            moescope.connect(secured.url)
        with pytest.raises(moescope.CollectorError, match="no collector answers"):
            moescope.connect(secured.url, ca=pem)
        with pytest.raises(ValueError, match="must begin with https://"):
            moescope.connect(secured.url.replace("https", "http"), ca=pem)
        with pytest.raises(ValueError, match="cert and key go together"):
            moescope.connect(secured.url, cert=pem)
    finally:
        secured.stop()


def test_a_run_is_a_frame_where_the_collector_allows_it(lab, shapes, tmp_path):
    run, _ = shapes
    address = f"{lab.url}/?view=balance&amp;runs=shapes"
    assert run.url == f"{lab.url}/?view=balance&runs=shapes"
    assert f'<a href="{address}"' in run._repr_html_()
    assert f'<iframe src="{address}"' in run._repr_html_()
    for options, frame in ((["--frame-in", "none"], False), (["--frame-in", "http://lab:8888"], True)):
        closed = collector.Collector(tmp_path / str(frame), options=options)
        try:
            with moescope.init(closed.address, run_id="alone", spool=tmp_path / "spool") as reporting:
                reporting.step(0)
                assert reporting.finish(seconds=60)
            shown = moescope.connect(closed.url).run("alone")._repr_html_()
            assert "<a href=" in shown
            assert ("<iframe" in shown) == frame
        finally:
            closed.stop()


@pytest.mark.parametrize("url", ["lab:4680", "ftp://lab", "http://", "http://lab:none", "http://lab/?runs=a"])
def test_urls_are_checked(url):
    with pytest.raises(
        ValueError, match=re.escape(f"url is {url!r}: must be that of a collector's dashboard, as in http://127.0.0.1:4680")
    ):
        moescope.connect(url)


class Other(http.server.BaseHTTPRequestHandler):
    """Answers everything below /json with JSON, and below /text with none."""

    def do_GET(self):
        body = b'{"required": false, "role": "admin", "runs": []}' if self.path.startswith("/json") else b"hello"
        self.send_response(200 if self.path.startswith(("/json", "/text")) else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_what_is_no_collector_is_said(lab):
    with pytest.raises(
        moescope.CollectorError, match=r"does not speak HTTP .*; the dashboard's port is meant, usually 4680, not that of gRPC"
    ):
        moescope.connect(f"http://{lab.address}")
    other = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Other)
    threading.Thread(target=other.serve_forever, daemon=True).start()
    try:
        for status, path in ((404, ""), (200, "/json"), (200, "/text")):
            with pytest.raises(moescope.CollectorError, match=f"answers with status {status}, but not as a moescope collector does"):
                moescope.connect(f"http://127.0.0.1:{other.server_port}{path}")
    finally:
        other.shutdown()
        other.server_close()


def test_a_category_that_appears_while_a_run_is_read_is_not_lost(shapes):
    run, _ = shapes
    answer = run._connection.get(f"runs/{run.id}/history", {"layers": "all", "points": 1})
    layers = [layer["layer"] for layer in answer["buckets"][0]["layers"]]
    known = tables.Blocks(tables.Shape(layers, [13] * len(layers), 13, len(run.categories) - 1), [tables.COUNTS])
    with pytest.raises(moescope.CollectorError, match="the run was changed while it was read; read it again"):
        known.add(answer["buckets"])


def test_threads_share_a_connection(shapes):
    run, _ = shapes
    expected = run.counts().values.tolist()
    read = []
    threads = [threading.Thread(target=lambda: read.append(run.counts().values.tolist())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert read == [expected] * 4


def test_the_example_of_the_readme(lab, shapes, monkeypatch):
    readme = (pathlib.Path(__file__).parent.parent / "README.md").read_text()
    (code,) = re.findall(r"## Reading in a notebook.*?```python\n(.*?)```", readme, re.DOTALL)
    assert "127.0.0.1:4680" in code
    assert "qwen3-sft" in code
    names: dict[str, object] = {}
    exec(code.replace("http://127.0.0.1:4680", lab.url).replace("qwen3-sft", "shapes"), names)
    run, _ = shapes
    assert names["counts"].values.tolist() == run.counts(0, 1000).values.tolist()
    assert len(names["frame"]) > 0
    assert os.environ.get("MOESCOPE_URL") is None
