"""What several tests share: the real protobuf messages, made from the schema, and runs that stay in their spool."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable
from typing import Any

import pytest

import moescope

# Some packages tell their makers that they are used, or look for files elsewhere. Set before any of them is imported.
os.environ.update(
    HF_HUB_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1", WANDB_MODE="offline", WANDB_ERROR_REPORTING="false", WANDB_SILENT="true",
    MLFLOW_DISABLE_TELEMETRY="true", DO_NOT_TRACK="true",
)  # fmt: skip
REPOSITORY = pathlib.Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def protobuf(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Any]:
    """Gives the protobuf class of a message by its name, such as "ReportRequest"."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    from grpc_tools import protoc

    schema = REPOSITORY / "packages/proto"
    out = tmp_path_factory.mktemp("schema") / "descriptors"
    files = [f"moescope/v1/{name}.proto" for name in ("run", "step", "collector")]
    assert protoc.main(["protoc", f"-I{schema}", f"--descriptor_set_out={out}", *files]) == 0
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes()).file:
        pool.Add(file)
    return lambda name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"moescope.v1.{name}"))


@pytest.fixture
def offline(tmp_path):
    """Begins runs that stay in the spool; those that a test leaves open end with it."""
    begun = []

    def begin(**options):
        begun.append(moescope.init(mode="offline", spool=tmp_path / "spool", **options))
        return begun[-1]

    yield begin
    for run in begun:
        run.finish()
