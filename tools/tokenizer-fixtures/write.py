"""Writes the fixture that packages/trainer/src/data/tokenizer is compared with; README.md says how to run it."""

import hashlib
import json
import pathlib
import unicodedata

import brotli
import tokenizers
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers

from battery import TEXTS
from kinds import REGEXES, everything

FIXTURE = pathlib.Path(__file__).parents[2] / "packages/trainer/golden/tokenizers/tokenizers.json.br"

# Planes without characters are left out, and so are the surrogates.
BLOCK = 4096
BLOCKS = [first for first in range(0, 0x110000, BLOCK) if first < 0x40000 or 0xE0000 <= first < 0xF0000 + BLOCK]


def ids_of(tokenizer: Tokenizer, text: str) -> list[int] | None:
    try:
        return tokenizer.encode(text, add_special_tokens=False).ids
    except Exception:  # An unknown word, where no token stands for those; the library raises nothing narrower.
        return None


def written(tokenizer: Tokenizer) -> dict:
    file = json.loads(tokenizer.to_str())
    read = Tokenizer.from_str(tokenizer.to_str())
    read.no_truncation()
    read.no_padding()
    is_random = file["model"].get("dropout")
    return {"file": file, "ids": [] if is_random else [ids_of(read, text) for text in TEXTS]}


def characters() -> list[list[str]]:
    """Those of each block that Python's Unicode knows."""
    known = [[chr(code) for code in range(first, first + BLOCK) if not 0xD800 <= code < 0xE000] for first in BLOCKS]
    return [[character for character in block if unicodedata.category(character) != "Cn"] for block in known]


def digest(lines: list[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:8]


def of_each_character(blocks: list[list[str]]) -> dict:
    """What every character becomes by itself, or how a text with it is split: a digest of each block."""
    normal = [
        *[normalizers.NFC(), normalizers.NFD(), normalizers.NFKC(), normalizers.NFKD(), normalizers.Lowercase()],
        *[normalizers.StripAccents(), normalizers.Nmt(), normalizers.BertNormalizer()],
    ]
    regexes = [r"\w+", r"\s", r"\p{P}|\p{S}", REGEXES["gpt-4"], REGEXES["deepseek"]]
    splits = [
        *[pre_tokenizers.Punctuation(), pre_tokenizers.BertPreTokenizer(), pre_tokenizers.Digits(), pre_tokenizers.Whitespace()],
        *[pre_tokenizers.WhitespaceSplit(), pre_tokenizers.ByteLevel(add_prefix_space=False)],
        *[pre_tokenizers.Split(Regex(regex), "isolated") for regex in regexes],
    ]
    swept = []
    for step in normal:
        lines = [[step.normalize_str(f"a{c}b") for c in block] for block in blocks]
        swept.append({"normalizer": state_of(step), "digests": [digest(block) for block in lines]})
    for step in splits:
        lines = [[",".join(str(len(piece)) for piece, _ in step.pre_tokenize_str(f"a{c} {c}1{c}.")) for c in block] for block in blocks]
        swept.append({"pre_tokenizer": state_of(step), "digests": [digest(block) for block in lines]})
    known = [[ord(c) for c in block] for block in blocks]
    return {"known": [ranges(block) for block in known], "swept": swept}


def state_of(step) -> dict:
    return json.loads(step.__getstate__())


def ranges(codes: list[int]) -> list[int]:
    """First and last of each range, one after another, each as the distance to the number before it."""
    ends: list[int] = []
    for code in codes:
        if ends and ends[-1] == code - 1:
            ends[-1] = code
        else:
            ends += [code, code]
    return [end - before for end, before in zip(ends, [0, *ends], strict=False)]


fixture = {
    "library": tokenizers.__version__,
    "texts": TEXTS,
    "tokenizers": {name: written(tokenizer) for name, tokenizer in everything()},
    "characters": of_each_character(characters()),
}
text = json.dumps(fixture, ensure_ascii=False, separators=(",", ":"))
FIXTURE.parent.mkdir(exist_ok=True)
FIXTURE.write_bytes(brotli.compress(text.encode(), quality=11, lgwin=24))
print(f"{FIXTURE}: {len(fixture['tokenizers'])} tokenizers, {FIXTURE.stat().st_size} bytes of {len(text)}")
