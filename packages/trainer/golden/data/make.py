"""Makes the files of this folder again, with what other libraries read in them. The trainers of WordPiece and Unigram
do not make the same vocabulary twice; the ids that are compared are written with it.

pip install tokenizers==0.23.3 pyarrow==26.0.1 pillow==13.0.0; python make.py
"""
import base64
import json
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
from PIL import Image, ImageDraw
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

os.chdir(os.path.dirname(os.path.abspath(__file__)))

CORPUS = [
    "A router chooses experts for every token; a balanced router chooses all of them equally often.",
    "The bias is added to the scores for choosing only, never to the weights of the chosen experts.",
    "function maxViolation(load: number[]): number {\n  const mean = total(load) / load.length;\n\n  return 0;\n}\n",
    "Experts that are never chosen learn nothing.\nExperts that are always chosen are the bottleneck.\n" * 2,
    "What is 12 + 30? 42\nSolve 3*x - 9 = 0 for x. 3\n",
]

SAMPLES = CORPUS + [
    "Hello, w\u00f6rld!  Two spaces,\ttab\n\n\nand lines   \n  indented",
    "\u65e5\u672c\u8a9e and emoji \U0001f600\U0001f469\u200d\U0001f52c; caf\u00e9 (decomposed: cafe\u0301), \ufb01 ligature",
    "<|endoftext|> [SEP] </s> in the middle of a text",
    "",
    " ",
    "x" * 300,
]


def byte_level_bpe():
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    t.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=320, special_tokens=["<|endoftext|>"],
                                                      initial_alphabet=alphabet, show_progress=False))
    return t


def word_piece():
    t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer()
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    t.train_from_iterator(CORPUS, trainers.WordPieceTrainer(vocab_size=160, special_tokens=special, show_progress=False))
    t.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return t


def unigram():
    t = Tokenizer(models.Unigram())
    t.normalizer = normalizers.NFKC()
    t.pre_tokenizer = pre_tokenizers.Metaspace()
    t.train_from_iterator(CORPUS, trainers.UnigramTrainer(vocab_size=120, special_tokens=["<unk>", "</s>"],
                                                          unk_token="<unk>", show_progress=False))
    return t


def make_tokenizers():
    ids = {"samples": SAMPLES}
    for name, t in [("byte-level-bpe", byte_level_bpe()), ("word-piece", word_piece()), ("unigram", unigram())]:
        t.save(f"{name}.tokenizer.json", pretty=False)
        t = Tokenizer.from_file(f"{name}.tokenizer.json")
        ids[name] = {
            "vocabulary": t.get_vocab_size(),
            "ids": [t.encode(text, add_special_tokens=False).ids for text in SAMPLES],
        }
    with open("token-ids.json", "w") as file:
        json.dump(ids, file, ensure_ascii=True)
        file.write("\n")


def make_parquet():
    texts = [f"Document {n}: " + "caf\u00e9 \u65e5\u672c " * (n % 7) for n in range(60)]
    table = pa.table({"text": texts, "number": list(range(60)), "body": [text.upper() for text in texts]})
    for compression in ["none", "snappy", "gzip", "brotli", "zstd", "lz4"]:
        pq.write_table(table, f"{compression}.parquet", compression=compression, row_group_size=25)
    pq.write_table(pa.table({"text": ["a", None, "b"]}), "null.parquet")
    meta = [{"text": text.lower(), "page": n, "inner": {"note": str(n)}} for n, text in enumerate(texts)]
    parts = [[text, text] for text in texts]
    pq.write_table(pa.table({"meta": meta, "parts": parts, "text": texts}), "struct.parquet")
    for plaintext_footer in (False, True):
        make_encrypted(pa.table({"number": [1, 2], "text": ["a", "b"]}), plaintext_footer)


class KeyInTheOpen(pe.KmsClient):
    """Wraps keys by writing them down: these files are to be refused, not to be kept secret."""

    def wrap_key(self, key_bytes, master_key_identifier):
        return base64.b64encode(key_bytes)

    def unwrap_key(self, wrapped_key, master_key_identifier):
        return base64.b64decode(wrapped_key)


def make_encrypted(table, plaintext_footer):
    configuration = pe.EncryptionConfiguration(
        footer_key="footer", column_keys={"column": ["text"]}, plaintext_footer=plaintext_footer
    )
    factory = pe.CryptoFactory(lambda _: KeyInTheOpen())
    properties = factory.file_encryption_properties(pe.KmsConnectionConfig(), configuration)
    name = "encrypted-column.parquet" if plaintext_footer else "encrypted.parquet"
    with pq.ParquetWriter(name, table.schema, encryption_properties=properties) as writer:
        writer.write_table(table)


def make_images():
    image = Image.new("RGB", (100, 64), (200, 60, 20))
    draw = ImageDraw.Draw(image)
    draw.ellipse((30, 10, 70, 50), fill=(10, 40, 220))
    draw.rectangle((18, 0, 30, 20), fill=(250, 250, 0))
    image.save("rgb.png")
    image.convert("P", palette=Image.Palette.ADAPTIVE, colors=8).save("palette.png")
    image.convert("L").save("grey.png")
    transparent = image.convert("RGBA")
    transparent.putalpha(Image.linear_gradient("L").resize(image.size))
    transparent.save("transparent.png")
    image.save("baseline.jpg", quality=90, subsampling=0)
    image.save("progressive.jpg", quality=90, progressive=True, subsampling=0)
    image.save("subsampled.jpg", quality=90)
    pictures = {}
    for name in ["rgb.png", "palette.png", "grey.png", "transparent.png", "baseline.jpg", "progressive.jpg", "subsampled.jpg"]:
        opened = Image.open(name).convert("RGBA")
        white = Image.new("RGBA", opened.size, (255, 255, 255, 255))
        flat = Image.alpha_composite(white, opened).convert("RGB").crop((18, 0, 82, 64))
        pictures[name] = flat.reduce(2).tobytes().hex()
    with open("pictures.json", "w") as file:
        json.dump(pictures, file)
        file.write("\n")


make_tokenizers()
make_parquet()
make_images()
