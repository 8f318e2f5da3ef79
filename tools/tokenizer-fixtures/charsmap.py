"""Normalization rules of SentencePiece, compiled: what a `Precompiled` normalizer holds."""

import base64
import io
import tempfile

import sentencepiece

# Code points in hexadecimal, and what takes their place: case folding, clusters, ligatures, nothing, several at once.
RULES = [
    *[(f"{code:X}", f"{code + 32:X}") for code in range(0x41, 0x5B)],
    *[(f"{code:X}", f"{code - 0xFEE0:X}") for code in range(0xFF01, 0xFF5F) if not 0xFF21 <= code <= 0xFF3A],
    *[(f"{code:X}", f"{code - 0xFEE0 + 32:X}") for code in range(0xFF21, 0xFF3B)],
    ("65 301", "E9"),
    ("45 301", "E9"),
    ("C9", "E9"),
    ("DF", "73 73"),
    ("1E9E", "73 73"),
    ("130", "69 307"),
    ("FB01", "66 69"),
    ("FB03", "66 66 69"),
    ("200D", ""),
    ("200B", "20"),
    ("FEFF", ""),
    ("A", "20"),
    ("D", "20"),
    ("9", "20"),
    ("3000", "20"),
    ("A0", "20"),
    ("2603", "73 6E 6F 77"),
    ("1F600", "3A 29"),
    ("915 93C", "958"),
    ("30AB 3099", "30AC"),
    ("FF76 FF9E", "30AC"),
    ("FF76", "30AB"),
    ("1112 1161 11AB", "D55C"),
    ("62", "42"),
    ("7A 301", "17A"),
    ("E9 20DD", "24D4"),
]


def compiled(**rules: str) -> str:
    """Base64 of the rules that a small model is trained with."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["a b c d e f g h"] * 20),
        model_writer=model,
        vocab_size=12,
        hard_vocab_limit=False,
        minloglevel=2,
        **rules,
    )
    return base64.b64encode(_field(_field(model.getvalue(), 3), 2)).decode()


def of_rules() -> str:
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as file:
        file.writelines(f"{source}\t{target}\n" for source, target in RULES)
        file.flush()
        return compiled(normalization_rule_tsv=file.name)


def _field(message: bytes, number: int) -> bytes:
    """The last field of a number that holds bytes, in a message of protobuf."""
    found, place = b"", 0
    while place < len(message):
        key, place = _varint(message, place)
        if key & 7 == 2:
            length, place = _varint(message, place)
            if key >> 3 == number:
                found = message[place : place + length]
            place += length
        elif key & 7 == 0:
            _, place = _varint(message, place)
        else:
            place += 4 if key & 7 == 5 else 8
    return found


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place
