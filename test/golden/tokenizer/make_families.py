"""Small Llama-3-like and Qwen2-like tokenizers and the ids that HF `tokenizers` 0.23.3 gives with them.

    pip install tokenizers==0.23.3 && python3 make_families.py > families.json

The vocabularies are trained here on strings.json; the pipelines are those of the released models' tokenizer.json.
"""
import json
import random
import sys
import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

texts = [case["text"] for case in json.load(open("strings.json"))["cases"]]

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace("{1,3}", "")

# Characters at which the patterns change their mind, strewn at random.
ALPHABET = list("abS'sStTrReEvVmMlLdD  \t\n\r\n\u0085\u00a0\u3000\ufeff123½²٣Ⅷ.,!?-_()[]{}#") + [
    "ſ", "é", "e\u0301", "\u0301", "日", "本", "😀", "👨\u200d👩\u200d👧", "\u2028", "\u200b", "ß", "İ", "\u1100\u1161",
    "<|im_end|>", "<|begin|>", "<tool>", "\U000323b0", "\U00031350", "'ll", "'RE", "  ", "\r\n", "\n\n"]


def train(pattern, normalizer, ignore_merges):
    model = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    if normalizer:
        model.normalizer = normalizer
    model.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    model.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=600, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    model.train_from_iterator(texts, trainer)
    model.add_special_tokens([AddedToken("<|begin|>", special=True), AddedToken("<|im_end|>", special=True)])
    model.add_tokens([AddedToken("<tool>", special=False, normalized=False), AddedToken("Ǖber", special=False)])
    return model


def main():
    rng = random.Random(20241124)
    fuzz = ["".join(rng.choice(ALPHABET) for _ in range(rng.randint(1, 24))) for _ in range(600)]
    families = {}
    for name, pattern, normalizer, ignore_merges in [
            ("llama3", LLAMA3, None, True), ("qwen2", QWEN2, normalizers.NFC(), False)]:
        model = train(pattern, normalizer, ignore_merges)
        if name == "llama3":
            begin = model.token_to_id("<|begin|>")
            model.post_processor = processors.Sequence([
                processors.ByteLevel(trim_offsets=False),
                processors.TemplateProcessing(single="<|begin|> $A", special_tokens=[("<|begin|>", begin)])])
        cases = []
        for text in texts + fuzz + ["Ǖber u\u0308\u0304ber \u01d5ber", "it'ſ IT'S we'LL'"]:
            ids = model.encode(text).ids
            cases.append({"text": text, "ids": ids, "decoded": model.decode(ids, skip_special_tokens=False)})
        families[name] = {"tokenizer": json.loads(model.to_str()), "cases": cases}
    json.dump({"tokenizers": tokenizers.__version__, "families": families}, sys.stdout)


main()
