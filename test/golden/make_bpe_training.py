"""BPE vocabularies by HuggingFace's trainer, for test/tokenizer/train.test.ts.

    pip install tokenizers==0.23.3
    python test/golden/make_bpe_training.py > test/golden/tokenizer/bpe-training.json

Texts are random letters, made to tie, to repeat and to meet special tokens, and this repository's LICENSE.
"""

import json
import random
from pathlib import Path

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

ROOT = Path(__file__).parents[2]


def train(text, specials, vocab_size, min_frequency):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=min_frequency,
        special_tokens=specials,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([text], trainer)
    model = json.loads(tokenizer.to_str())["model"]
    tokens = [token for token, _ in sorted(model["vocab"].items(), key=lambda item: item[1])]
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
    return tokens, merges


def main():
    random.seed(7)
    cases = []
    for extra in [" ", "  ", " \n", "é ", "1 ", "' ", "漢 ", ""]:
        for specials in [["<|endoftext|>"], ["aa", "ab"], ["a", "<x>"]]:
            letters = "abcdefgh"[: random.choice([1, 2, 3, 8])]
            text = "".join(random.choice(letters + extra) for _ in range(120))
            cases.append({"text": text, "specials": specials, "vocab_size": 320, "min_frequency": random.choice([0, 2])})
    cases.append({"file": "LICENSE", "specials": ["<|endoftext|>"], "vocab_size": 700, "min_frequency": 2})
    for case in cases:
        text = case["text"] if "text" in case else (ROOT / case["file"]).read_text()
        tokens, merges = train(text, case["specials"], case["vocab_size"], case["min_frequency"])
        # The first tokens are the specials and the bytes; what follows is told by the merges, but where they agree.
        case["tokens"] = len(tokens)
        case["last"] = tokens[-3:]
        case["merges"] = merges
    print(json.dumps(cases, ensure_ascii=True, indent=0))


main()
