"""Reads what a run has left in its spool, with the real protobuf messages."""

from __future__ import annotations

import pathlib

import numpy as np

from moescope.spool import SpoolReader


def read(folder: pathlib.Path, protobuf):
    """The Hello, the steps and the end of the one spool below `folder`."""
    (owner,) = folder.rglob("owner")
    reader, request = SpoolReader(owner.parent), protobuf("ReportRequest")
    messages = [request.FromString(message) for _, message in reader.messages(1)]
    ends = [message.end for message in messages if message.HasField("end")]
    return request.FromString(reader.hello()).hello, [message.step for message in messages if message.HasField("step")], ends


def counts(step) -> np.ndarray:
    """[layers, experts] of a step, all categories together."""
    return np.array([np.sum([np.array(r.counts) for r in h.categories], axis=0) for h in step.histograms])
