"""Writes the fixtures that packages/trainer/src/reference compares with; README.md says how to run it.

usage: write.py RUNS, where RUNS is what export-runs.ts wrote
"""

import sys

import fixture
import formulas
import hugging_face
import routing
import training

fixture.write("hugging-face", hugging_face.all_cases())
fixture.write("formulas", formulas.all_cases())
fixture.write("routing", routing.all_cases())
fixture.write("training", training.train_all(sys.argv[1]))
