#!/usr/bin/env bash
# Makes the README's figures again, from runs of its own: `bash tools/readme/make-figures.sh [DIRECTORY]`, after `npm ci` and a build.
# The runs stay in the directory. Takes about ten minutes on two cores.
set -euo pipefail

pictures=$(cd "$(dirname "$0")" && pwd)
command=$pictures/../../packages/cli/bin/moescope.js
directory=${1:-$(mktemp -d)}
mkdir -p "$directory"
cd "$directory"

node "$command" collect --http 0 --grpc 0 >collect.log &
collector=$!
trap 'kill $collector' EXIT
until grep -q Collector collect.log; do sleep 0.2; done

# train NAME ARGUMENTS… prints the id of the run
train() { node "$command" train --name "$1" --json "${@:2}" | node -p 'JSON.parse(require("fs").readFileSync(0)).run'; }

auxiliary=$(train "auxiliary loss" --recipe demo --strategy auxiliary-loss)
base=$(train "base" --recipe demo)
child=$(train "tuned on docs" --from "$base" --data docs --steps 300)
images=$(train "images with captions" --recipe demo --data shapes --steps 600)

draw() { node "$command" figure "$1" --runs "$2" --out "$pictures/$1.png"; }
draw relative-load "$auxiliary,$base"
draw modality-by-expert "$images"
draw modality-share "$images"
draw attention-by-token "$base,$child"
draw heads-by-bin "$base"
