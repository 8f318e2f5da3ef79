"""Reports a run to a moescope collector: python reporter.py HOST:PORT (pip install grpcio grpcio-tools)."""
import importlib, os, pathlib, queue, sys, tempfile, time

import grpc
from grpc_tools import protoc

# Messages from the schema itself, generated into a folder of their own.
schema, generated = pathlib.Path(__file__).resolve().parent.parent, tempfile.mkdtemp()
files = [f"moescope/v1/{name}.proto" for name in ("run", "step", "collector")]
if protoc.main(["protoc", f"-I{schema}", f"--python_out={generated}", f"--grpc_python_out={generated}", *files]) != 0:
    raise SystemExit("the schema cannot be compiled")
sys.path.insert(0, generated)
run_pb2, step_pb2, collector_pb2, collector_pb2_grpc = (
    importlib.import_module(f"moescope.v1.{name}") for name in ("run_pb2", "step_pb2", "collector_pb2", "collector_pb2_grpc")
)

RUN, LAYERS, EXPERTS, TOP_K, CATEGORIES, STEPS, TOKENS = "example-python", [1, 3], 8, 2, ["code", "docs"], 50, 64
TRY_AGAIN = {getattr(grpc.StatusCode, name) for name in ("UNAVAILABLE", "DATA_LOSS", "INTERNAL", "DEADLINE_EXCEEDED")}


def routing(step, layer, category):
    """What a router would have chosen: TOP_K different experts for each token."""
    counts = [0] * EXPERTS
    for token in range(TOKENS):
        for choice in range(TOP_K):
            counts[(token * token + step + layer + category + choice) % EXPERTS] += 1
    return step_pb2.CategoryRouting(category=category, counts=counts, tokens=TOKENS)


def step_of(index):
    histograms = [
        step_pb2.RoutingHistogram(layer=layer, categories=[routing(index, layer, 0), routing(index, layer, 1)])
        for layer in LAYERS
    ]
    scalars = [step_pb2.Scalar(name="loss", value=4 / (index + 1))]
    seen = dict(tokens=(index + 1) * TOKENS * len(CATEGORIES), time=1e3 * time.time(), split=step_pb2.TRAIN)
    return step_pb2.Step(run=RUN, sequence=index + 1, step=index, scalars=scalars, histograms=histograms, **seen)


def deliver(stub, hello, messages):
    """Sends messages 1, 2, 3, … until all are acknowledged, over as many streams as it takes."""
    token, acknowledged, pause = os.environ.get("MOESCOPE_TOKEN"), 0, 0.05
    while acknowledged < len(messages):
        outgoing, greeted = queue.SimpleQueue(), False
        outgoing.put(collector_pb2.ReportRequest(hello=hello))
        try:
            for answer in stub.Report(iter(outgoing.get, None), metadata=[("authorization", f"Bearer {token}")] if token else None):
                if answer.HasField("rejection"):
                    print(f"message {answer.rejection.sequence} is refused: {answer.rejection.message}", file=sys.stderr)
                    if not greeted:
                        raise SystemExit(1)
                    continue
                acknowledged, pause = answer.acknowledgement.sequence, 0.05
                for message in [] if greeted else messages[acknowledged:]:
                    outgoing.put(message)
                greeted = True
                if acknowledged >= len(messages):
                    outgoing.put(None)
        except grpc.RpcError as error:
            if error.code() not in TRY_AGAIN:
                raise
            outgoing.put(None)
            time.sleep(pause)
            pause = min(5, 2 * pause)


layers = [run_pb2.MoeLayer(index=layer, experts=EXPERTS, top_k=TOP_K) for layer in LAYERS]
described = run_pb2.RunDescription(id=RUN, name="an example", ranks=1, layers=layers, categories=CATEGORIES, planned_steps=STEPS)
end = run_pb2.RunEnd(run=RUN, sequence=STEPS + 1, outcome=run_pb2.RunEnd.FINISHED, ended_at=1e3 * time.time())
requests = [collector_pb2.ReportRequest(step=step_of(index)) for index in range(STEPS)]
with grpc.insecure_channel(sys.argv[1]) as channel:
    stub = collector_pb2_grpc.CollectorStub(channel)
    deliver(stub, collector_pb2.Hello(protocol_version=2, run=described), [*requests, collector_pb2.ReportRequest(end=end)])
print(f"{RUN}: {STEPS} steps are stored")
