"""A small tokenizer for every kind of part that the library can make, with each of its settings."""

import base64
import functools
import json
from collections.abc import Callable, Iterator

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import charsmap
from battery import CORPUS, TEXTS

Named = Iterator[tuple[str, Tokenizer]]

BEHAVIORS = ["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"]

GPT4 = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
O200K = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
KIMI = (
    r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
DEEPSEEK = (
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
    r"""| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
)
CLIP = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
BLOOM = " ?[^(\\s|[.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c])]+"

REGEXES = {
    "gpt-4": GPT4,
    "llama-3": LLAMA3,
    "o200k": O200K,
    "kimi": KIMI,
    "deepseek": DEEPSEEK,
    "clip": CLIP,
    "bloom": BLOOM,
    "word": r"\w+",
    "not word": r"\W+",
    "boundary": r"\bword\b",
    "not boundary": r"\Bword",
    "space": r"\s",
    "not space": r"\S+",
    "digit": r"\d+",
    "hexadecimal": r"\h{2}",
    "any": r".{3}",
    "line start": r"^ *",
    "line end": r" *$",
    "text start": r"\A.",
    "text end": r".\z",
    "text end or line end": r"\s*\Z",
    "posix": r"[[:alpha:]]+|[[:digit:]]|[[:punct:]]",
    "posix space": r"[[:space:]]+|[^[:upper:]]",
    "negated property": r"\P{L}+",
    "negated class": r"[^\p{L}\s]+",
    "upper": r"\p{Lu}\p{Ll}*",
    "script": r"\p{Greek}+|\p{Cyrillic}+|\p{Thai}+",
    "intersection": r"[\p{L}&&[^\p{Han}]]+",
    "nested class": r"[a-c[x-z]]+",
    "bracket first": r"[]a]+",
    "look-ahead": r"\w(?=\W)",
    "look-behind": r"(?<=\s)\w",
    "not look-behind": r"(?<![a-z])[a-z]",
    "repeat": r"a{2,5}|b{,2}c",
    "lazy": r"<.+?>",
    "empty": r"x*",
    "empty look-ahead": r"(?=[A-Z])",
    "back reference": r"(\w)\1",
    "named": r"(?<c>[a-z])\k<c>",
    "code point": r"\x{1F600}|\u4f60|\x41",
    "ignoring case": r"(?i:hello|word|k|s)",
    "possessive": r"a++b|[a-z]*+z|\s?+\w",
    "possessive class": r"[^\]a]++x|\p{L}++\p{L}",
    "possessive group": r"(?:ab)++c",
    "atomic": r"(?>a+)ab",
    "ignoring case from here": r"(?i)hello",
    "extended": r"(?x: w o r d )",
    "keep": r"wo\Krd",
    "previous end": r"\G\w",
    "line break": r"\R",
    "cluster": r"\X",
    "ignoring case ligature": r"(?i:straSSe)",
    "ignoring case umlaut": "(?i:\u00e9)",
    "lone brace": r"a{|}",
    "escaped": r"\[|\]|\$|\^|\-|\/",
    "alternation order": r"wo|word|words",
}


@functools.cache
def rules() -> bytes:
    return base64.b64decode(charsmap.of_rules())


def charsmap_normalizer() -> normalizers.Normalizer:
    return normalizers.Precompiled(rules())


def with_words(normalizer=None, pre_tokenizer=None) -> Tokenizer:
    """A word for every piece of the texts, so that numbers tell where they were split and what they became."""
    pieces: dict[str, None] = {"[UNK]": None}
    for text in TEXTS:
        normal = normalizer.normalize_str(text) if normalizer else text
        for piece in [piece for piece, _ in pre_tokenizer.pre_tokenize_str(normal)] if pre_tokenizer else [normal]:
            pieces.setdefault(piece)
    pieces.pop("", None)
    words = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    if normalizer:
        tokenizer.normalizer = normalizer
    if pre_tokenizer:
        tokenizer.pre_tokenizer = pre_tokenizer
    return tokenizer


def all_normalizers() -> Named:
    make = normalizers
    kinds = {
        "NFC": make.NFC(),
        "NFD": make.NFD(),
        "NFKC": make.NFKC(),
        "NFKD": make.NFKD(),
        "Lowercase": make.Lowercase(),
        "Strip": make.Strip(),
        "Strip left": make.Strip(left=True, right=False),
        "Strip right": make.Strip(left=False, right=True),
        "StripAccents": make.StripAccents(),
        "NFD StripAccents": make.Sequence([make.NFD(), make.StripAccents()]),
        "Replace": make.Replace("a", "\u2581b"),
        "Replace special": make.Replace(".", "$&\\1"),
        "Replace empty": make.Replace("", "_"),
        "Replace regex": make.Replace(Regex(r"\s{2,}|[aeiou]$"), "_"),
        "Replace regex empty": make.Replace(Regex("x*"), "-"),
        "Prepend": make.Prepend("\u2581"),
        "Nmt": make.Nmt(),
        "Precompiled": charsmap_normalizer(),
        "ByteLevel": make.ByteLevel(),
        "BertNormalizer": make.BertNormalizer(),
        "Sequence": make.Sequence([make.NFKC(), make.Lowercase(), make.Replace(Regex(" +"), " "), make.Strip()]),
        "Sequence of none": make.Sequence([]),
    }
    for name in ["clean_text", "handle_chinese_chars", "strip_accents", "lowercase"]:
        off = dict.fromkeys(["clean_text", "handle_chinese_chars", "strip_accents", "lowercase"], False)
        kinds[f"BertNormalizer {name} alone"] = make.BertNormalizer(**{**off, name: True})
        kinds[f"BertNormalizer without {name}"] = make.BertNormalizer(**{name: False})
    for name, normalizer in kinds.items():
        yield f"normalizer {name}", with_words(normalizer)


def all_pre_tokenizers() -> Named:
    make = pre_tokenizers
    kinds = {
        "BertPreTokenizer": make.BertPreTokenizer(),
        "Whitespace": make.Whitespace(),
        "WhitespaceSplit": make.WhitespaceSplit(),
        "UnicodeScripts": make.UnicodeScripts(),
        "Digits": make.Digits(),
        "Digits individual": make.Digits(individual_digits=True),
        "CharDelimiterSplit": make.CharDelimiterSplit("a"),
        "CharDelimiterSplit dot": make.CharDelimiterSplit("."),
        "FixedLength": make.FixedLength(),
        "FixedLength 3": make.FixedLength(length=3),
        "Metaspace replacement": make.Metaspace(replacement="_"),
        "Sequence": make.Sequence([make.WhitespaceSplit(), make.Punctuation(), make.Digits(individual_digits=True)]),
        "Sequence Metaspace": make.Sequence([make.WhitespaceSplit(), make.Metaspace()]),
        "Sequence Metaspace first": make.Sequence([make.Punctuation("removed"), make.Metaspace(prepend_scheme="first")]),
        "Sequence ByteLevel": make.Sequence([make.Digits(), make.ByteLevel(add_prefix_space=True)]),
        "Sequence ByteLevel Metaspace": make.Sequence([make.ByteLevel(), make.Metaspace(replacement="\u0120")]),
        "Sequence of none": make.Sequence([]),
    }
    for scheme in ["always", "first", "never"]:
        for split in [True, False]:
            kinds[f"Metaspace {scheme} {split}"] = make.Metaspace(prepend_scheme=scheme, split=split)
    for space in [True, False]:
        for regex in [True, False]:
            for trim in [True, False]:
                step = make.ByteLevel(add_prefix_space=space, use_regex=regex, trim_offsets=trim)
                kinds[f"ByteLevel space={space} regex={regex} trim={trim}"] = step
    for behavior in BEHAVIORS:
        kinds[f"Punctuation {behavior}"] = make.Punctuation(behavior)
        for invert in [True, False]:
            for pattern in [",", " ", "a", "."]:
                kinds[f"Split {pattern!r} {behavior} {invert}"] = make.Split(pattern, behavior, invert)
            for name in ["space", "upper", "empty", "llama-3"]:
                regex = Regex(REGEXES[name])
                kinds[f"Split regex {name} {behavior} {invert}"] = make.Split(regex, behavior, invert)
    for name, regex in REGEXES.items():
        kinds[f"Split regex {name}"] = make.Split(Regex(regex), "isolated")
    for name, pre_tokenizer in kinds.items():
        yield f"pre_tokenizer {name}", with_words(None, pre_tokenizer)


def trained(model, trainer, normalizer=None, pre_tokenizer=None) -> Tokenizer:
    tokenizer = Tokenizer(model)
    if normalizer:
        tokenizer.normalizer = normalizer
    if pre_tokenizer:
        tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def bytes_of(extra: list[str]) -> list[str]:
    return [*extra, *[f"<0x{byte:02X}>" for byte in range(256)]]


def all_models() -> Named:
    whitespace = pre_tokenizers.Whitespace()
    bpe = {"vocab_size": 300, "show_progress": False, "special_tokens": ["<unk>"]}
    for name, settings in {
        "plain": {},
        "unk": {"unk_token": "<unk>"},
        "fuse_unk": {"unk_token": "<unk>", "fuse_unk": True},
        "ignore_merges": {"unk_token": "<unk>", "ignore_merges": True},
        "prefix": {"unk_token": "<unk>", "continuing_subword_prefix": "##"},
        "suffix": {"unk_token": "<unk>", "end_of_word_suffix": "</w>"},
        "prefix suffix": {"unk_token": "<unk>", "continuing_subword_prefix": "##", "end_of_word_suffix": "</w>"},
        "dropout 0": {"unk_token": "<unk>", "dropout": 0.0},
        "dropout": {"unk_token": "<unk>", "dropout": 0.5},
    }.items():
        affixes = {key: settings[key] for key in ["continuing_subword_prefix", "end_of_word_suffix"] if key in settings}
        trainer = trainers.BpeTrainer(limit_alphabet=60, **bpe, **affixes)
        yield f"BPE {name}", trained(models.BPE(**settings), trainer, None, whitespace)
    for fuse in [True, False]:
        fallback = {**bpe, "vocab_size": 500, "special_tokens": bytes_of(["<unk>"])}
        model = models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=fuse)
        yield (
            f"BPE byte_fallback fuse_unk={fuse}",
            trained(model, trainers.BpeTrainer(limit_alphabet=60, **fallback), normalizers.Replace(" ", "\u2581")),
        )
        some = {**bpe, "special_tokens": ["<unk>", "<0xE2>", "<0x98>", "<0x83>", "<0xC3>", "<0xA9>"]}
        model = models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=fuse)
        yield f"BPE some bytes fuse_unk={fuse}", trained(model, trainers.BpeTrainer(limit_alphabet=40, **some))
    vocabulary = ["u", "n", "h", "g", "s", "un", "hug", "hugs", "ug", "hu", "gs"]
    numbers = {token: number for number, token in enumerate(vocabulary)}
    merges = [("u", "g"), ("h", "ug"), ("h", "u"), ("hu", "g"), ("g", "s"), ("hug", "s"), ("hu", "gs"), ("u", "n")]
    yield "BPE two ways to a token", Tokenizer(models.BPE(numbers, merges))
    yield "BPE unknown missing", Tokenizer(models.BPE(numbers, merges, unk_token="<none>"))
    word_piece = {"vocab_size": 300, "show_progress": False, "special_tokens": ["[UNK]"], "limit_alphabet": 70}
    for name, settings in {
        "plain": {},
        "prefix": {"continuing_subword_prefix": "@@"},
        "no prefix": {"continuing_subword_prefix": ""},
        "short": {"max_input_chars_per_word": 5},
    }.items():
        prefix = settings.get("continuing_subword_prefix", "##")
        trainer = trainers.WordPieceTrainer(continuing_subword_prefix=prefix, **word_piece)
        tokenizer = trained(models.WordPiece(unk_token="[UNK]"), trainer, None, whitespace)
        model = json.loads(tokenizer.to_str())["model"]
        tokenizer.model = models.WordPiece(model["vocab"], unk_token="[UNK]", **{"max_input_chars_per_word": 100, **settings})
        yield f"WordPiece {name}", tokenizer
    yield "WordPiece unknown missing", Tokenizer(models.WordPiece({"a": 0, "##b": 1}, unk_token="[UNK]"))
    words = {"[UNK]": 0, "a": 1, "word": 2, "the": 3, "hug": 4, "\u4e2d": 5, "\u2603": 6, "Hello": 9}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = whitespace
    yield "WordLevel", tokenizer
    tokenizer = Tokenizer(models.WordLevel({"a": 0, "word": 1}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = whitespace
    yield "WordLevel unknown missing", tokenizer
    unigram = {"vocab_size": 400, "show_progress": False, "special_tokens": ["<unk>", "</s>"], "unk_token": "<unk>"}
    for name, pre_tokenizer in {"Metaspace": pre_tokenizers.Metaspace(), "whole": None}.items():
        yield f"Unigram {name}", trained(models.Unigram(), trainers.UnigramTrainer(**unigram), normalizers.NFKC(), pre_tokenizer)
    scores = [
        ("<unk>", 0.0),
        ("a", -1.0),
        ("b", -1.5),
        ("ab", -2.0),
        ("hug", -3.0),
        (" ", -2.0),
        ("h", -4.0),
        ("u", -4.0),
        ("\u2603\u2603", -5.0),
    ]
    yield "Unigram scores", Tokenizer(models.Unigram(scores, unk_id=0, byte_fallback=False))
    fallback = [*scores, *[(token, -20.0) for token in bytes_of([])]]
    yield "Unigram byte_fallback", Tokenizer(models.Unigram(fallback, unk_id=0, byte_fallback=True))
    yield "Unigram some bytes", Tokenizer(models.Unigram([*scores, ("<0x0A>", -9.0)], unk_id=0, byte_fallback=True))
    yield "Unigram unk_id elsewhere", Tokenizer(models.Unigram([*scores[1:], ("<unk>", -8.0)], unk_id=8, byte_fallback=False))


def all_added_tokens() -> Named:
    def with_added(normalizer, pre_tokenizer, tokens: list[AddedToken]) -> Tokenizer:
        tokenizer = trained(
            models.BPE(unk_token="<unk>"),
            trainers.BpeTrainer(vocab_size=300, show_progress=False, special_tokens=["<unk>"]),
            normalizer,
            pre_tokenizer,
        )
        tokenizer.add_tokens(tokens)
        return tokenizer

    lower = normalizers.Lowercase()
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    contents = ["[A]", "[B]", "[C]", "word", "words", "\u00c9CLAIR", "\u4e2d\u6587", "\U0001f600", "<|endoftext|>", "a", "[CLS]"]
    for name, settings in {
        "plain": {},
        "special": {"special": True},
        "lstrip": {"lstrip": True},
        "rstrip": {"rstrip": True},
        "lstrip rstrip": {"lstrip": True, "rstrip": True},
        "single_word": {"single_word": True},
        "not normalized": {"normalized": False},
        "not normalized single_word rstrip": {"normalized": False, "single_word": True, "rstrip": True},
        "not normalized lstrip": {"normalized": False, "lstrip": True},
    }.items():
        tokens = [AddedToken(content, **settings) for content in contents]
        yield f"added {name}", with_added(lower, whitespace_or(byte_level), tokens)
        yield f"added {name}, Metaspace first", with_added(None, pre_tokenizers.Metaspace(prepend_scheme="first"), tokens)
        yield f"added {name}, prepended", with_added(normalizers.Prepend("\u2581"), None, tokens)
    some = [AddedToken("[A]", normalized=False), AddedToken("[a]x", normalized=True), AddedToken(" x", rstrip=True)]
    yield "added of both kinds", with_added(lower, byte_level, some)
    spaces = [AddedToken("  ", normalized=False), AddedToken("    ", normalized=False), AddedToken("\n\n"), AddedToken("\t", lstrip=True)]
    yield "added spaces", with_added(None, byte_level, spaces)


def whitespace_or(step):
    return pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), step])


def all_post_processors() -> Named:
    def with_processor(processor) -> Tokenizer:
        tokenizer = trained(
            models.WordPiece(unk_token="[UNK]"),
            trainers.WordPieceTrainer(vocab_size=200, show_progress=False, special_tokens=["[UNK]", "[CLS]", "[SEP]"]),
            normalizers.BertNormalizer(),
            pre_tokenizers.BertPreTokenizer(),
        )
        tokenizer.post_processor = processor
        return tokenizer

    template = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A $B", special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
    kinds = {
        "TemplateProcessing": template,
        "ByteLevel": processors.ByteLevel(trim_offsets=True),
        "ByteLevel without trim": processors.ByteLevel(trim_offsets=False),
        "BertProcessing": processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1)),
        "RobertaProcessing": processors.RobertaProcessing(("[SEP]", 2), ("[CLS]", 1)),
        "Sequence": processors.Sequence([processors.ByteLevel(), template]),
    }
    for name, processor in kinds.items():
        yield f"post_processor {name}", with_processor(processor)
    tokenizer = with_processor(template)
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(length=8)
    yield "truncation and padding", tokenizer


def like(normalizer, pre_tokenizer, model, trainer, decoder=None, added=()) -> Tokenizer:
    tokenizer = trained(model, trainer, normalizer, pre_tokenizer)
    if decoder:
        tokenizer.decoder = decoder
    tokenizer.add_special_tokens([AddedToken(content, special=True, normalized=False) for content in added])
    return tokenizer


def byte_level_families() -> Named:
    """Put together as the tokenizers of well-known models are."""
    split = pre_tokenizers
    alphabet = split.ByteLevel.alphabet()

    def byte_level(*regexes: str, normalizer=None, added=("<|endoftext|>",)) -> Tokenizer:
        steps = [*[split.Split(Regex(regex), "isolated") for regex in regexes]]
        steps.append(split.ByteLevel(add_prefix_space=False, use_regex=not regexes))
        trainer = trainers.BpeTrainer(vocab_size=420, show_progress=False, initial_alphabet=alphabet)
        return like(normalizer, split.Sequence(steps), models.BPE(ignore_merges=True), trainer, decoders.ByteLevel(), added)

    yield "like GPT-2", byte_level()
    yield "like GPT-4", byte_level(GPT4)
    yield "like Llama 3", byte_level(LLAMA3, added=["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"])
    yield "like Qwen", byte_level(LLAMA3.replace("{1,3}", ""), normalizer=normalizers.NFC(), added=["<|endoftext|>", "<|im_end|>"])
    yield (
        "like DeepSeek-V3",
        byte_level(
            r"\p{N}{1,3}", "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+", DEEPSEEK, added=["<\uff5cend\u2581of\u2581sentence\uff5c>"]
        ),
    )
    yield "like Kimi", byte_level(KIMI)
    yield "like gpt-oss", byte_level(O200K)
    clean = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    steps = split.Sequence([split.Split(Regex(CLIP), "removed", invert=True), split.ByteLevel(add_prefix_space=False)])
    clip = trainers.BpeTrainer(
        vocab_size=600, show_progress=False, initial_alphabet=alphabet, end_of_word_suffix="</w>", special_tokens=["<|endoftext|>"]
    )
    yield "like CLIP", like(clean, steps, models.BPE(unk_token="<|endoftext|>", end_of_word_suffix="</w>"), clip, decoders.ByteLevel())


def sentence_piece_families() -> Named:
    split = pre_tokenizers
    trainer = trainers.BpeTrainer(vocab_size=560, show_progress=False, special_tokens=bytes_of(["<unk>", "<s>", "</s>"]), limit_alphabet=90)
    marks = normalizers.Replace(" ", "\u2581")
    prefixed = normalizers.Sequence([normalizers.Prepend("\u2581"), marks])
    sentence_piece = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    yield (
        "like Llama 2",
        like(prefixed, None, models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True), trainer, sentence_piece, ["<s>", "</s>"]),
    )
    yield (
        "like Gemma",
        like(
            marks,
            split.Split(" ", "merged_with_previous"),
            models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True),
            trainer,
            sentence_piece,
            ["<s>"],
        ),
    )
    folding = charsmap_normalizer()
    unigram = trainers.UnigramTrainer(vocab_size=420, show_progress=False, special_tokens=["<unk>", "</s>"], unk_token="<unk>")
    whole = normalizers.Sequence([folding, normalizers.Strip(left=False, right=True), normalizers.Replace(Regex(" {2,}"), "\u2581")])
    yield "like T5", like(whole, split.Metaspace(prepend_scheme="first"), models.Unigram(), unigram, decoders.Metaspace(), ["</s>"])
    yield (
        "like XLM-R",
        like(folding, split.Sequence([split.WhitespaceSplit(), split.Metaspace()]), models.Unigram(), unigram, decoders.Metaspace()),
    )
    albert = normalizers.Sequence(
        [normalizers.Replace("``", '"'), normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase(), folding]
    )
    yield "like ALBERT", like(albert, split.Metaspace(), models.Unigram(), unigram, decoders.Metaspace())


def moved_beginnings() -> Named:
    """Metaspace asks whether a piece begins where the text did, before normalization."""
    for name, normalizer in {
        "Strip": normalizers.Strip(),
        "Strip right": normalizers.Strip(left=False),
        "Replace two by one": normalizers.Replace(Regex("^.."), "x"),
        "Replace one by one": normalizers.Replace("H", "x"),
        "Replace by nothing": normalizers.Replace("H", ""),
        "StripAccents": normalizers.StripAccents(),
        "Nmt": normalizers.Nmt(),
        "NFKD": normalizers.NFKD(),
        "NFC": normalizers.NFC(),
        "Lowercase": normalizers.Lowercase(),
        "Prepend": normalizers.Prepend("x"),
        "Precompiled": charsmap_normalizer(),
    }.items():
        step = pre_tokenizers.Metaspace(prepend_scheme="first")
        tokenizer = with_words(normalizer, pre_tokenizers.Metaspace(prepend_scheme="never"))
        words = json.loads(tokenizer.to_str())["model"]["vocab"]
        words |= {f"\u2581{word}": len(words) + number for number, word in enumerate(list(words))}
        tokenizer.model = models.WordLevel(words, unk_token="[UNK]")
        tokenizer.pre_tokenizer = step
        yield f"Metaspace first after {name}", tokenizer


SECTIONS: list[Callable[[], Named]] = [
    all_normalizers,
    all_pre_tokenizers,
    all_models,
    all_added_tokens,
    all_post_processors,
    byte_level_families,
    sentence_piece_families,
    moved_beginnings,
]


def everything() -> Named:
    for section in SECTIONS:
        yield from section()
