#!/usr/bin/env bash
# Checks the Python client on a machine with an NVIDIA GPU, in under five minutes: `bash tools/device-check.sh`. It runs the tests that need a
# GPU, FSDP2 over NCCL and the benches of packages/python, and ends with a short report. Nothing but Python is needed, with torch of CUDA,
# transformers and what it asks for; PYTHON=… says which. `--cpu` runs what does not need a GPU, to try the check itself.
set -uo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-python3}
device=cuda
[ "${1:-}" = --cpu ] && device=cpu
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export PYTHONPATH=$root/packages/python/src${PYTHONPATH:+:$PYTHONPATH} PYTHONDONTWRITEBYTECODE=1
export MOESCOPE_TEST_DEVICE=$device MOESCOPE_SPOOL=$scratch/spool
SECONDS=0
LIMIT=290

"$python" - "$root/packages/python/requirements-test.txt" "$device" <<'END' || exit 1
import importlib.util, pathlib, sys
modules = {"protobuf": "google", "grpcio-tools": "grpc_tools"}
needed = ["numpy", "torch", "transformers", "pytest", "protobuf", "grpcio-tools"]
absent = [package for package in needed if importlib.util.find_spec(modules.get(package, package)) is None]
if absent:
    pins = {line.partition("=")[0]: line for line in pathlib.Path(sys.argv[1]).read_text().split("\n")}
    sys.exit("missing: pip install " + " ".join(pins[package] for package in absent))
import platform, torch, transformers
print(f"Python {platform.python_version()}, torch {torch.__version__}, transformers {transformers.__version__}")
if sys.argv[2] == "cpu":
    sys.exit()
if not torch.cuda.is_available():
    sys.exit("torch sees no NVIDIA GPU: nothing is checked; --cpu runs what does not need one")
kinds = sorted({torch.cuda.get_device_name(place) for place in range(torch.cuda.device_count())})
print(f"{torch.cuda.device_count()} x {', '.join(kinds)}, CUDA {torch.version.cuda}")
END

report=()
failed=0

# check NAME COMMAND… gives the command what is left of the time, and keeps its last line and how long it took.
check() {
  local name=$1 left=$((LIMIT - SECONDS)) begun=$SECONDS
  shift
  echo "== $name"
  timeout --kill-after=5 $((left > 1 ? left : 1)) "$@" 2>&1 | tee "$scratch/log"
  local status=${PIPESTATUS[0]} verdict=ok
  if [ "$status" -ne 0 ]; then
    failed=1 verdict=FAILED
    [ "$status" -eq 124 ] && verdict="NOT DONE in the $LIMIT seconds of this check"
  fi
  report+=("$verdict: $name, $((SECONDS - begun)) s: $(grep -v '^$' "$scratch/log" | tail -n 1)")
}

cd "$root/packages/python" || exit 1
check "tests on the device" "$python" -m pytest tests/test_gpu.py -rs -p no:cacheprovider
ranks=$([ $device = cuda ] && "$python" -c "import torch; print(min(2, torch.cuda.device_count()))" || echo 2)
MOESCOPE_MODE=offline STEPS=20 check "FSDP2 on $ranks ranks" \
  "$python" -m torch.distributed.run --standalone --nproc-per-node "$ranks" "$root/examples/python/qwen3_moe_fsdp2.py"
benches=(bench/*.py)
if [ -e "${benches[0]}" ]; then
  for bench in "${benches[@]}"; do
    # What is no script is imported by one.
    grep -q __main__ "$bench" && check "$bench" "$python" "$bench"
  done
else
  report+=("none: packages/python/bench has no benches")
fi

echo "== report, after $SECONDS s"
printf '%s\n' "${report[@]}"
exit $failed
