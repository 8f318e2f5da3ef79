"""Writes the fixtures that packages/trainer/src/reference compares with; README.md says how to run it."""

import fixture
import formulas
import hugging_face

fixture.write("hugging-face", hugging_face.all_cases())
fixture.write("formulas", formulas.all_cases())
