"""Perplexity as the transformers guide computes it, for test/shared/score/perplexity.test.ts.

Run: python make_perplexity.py MODEL.gguf wikitext2.tokens.test.txt > perplexity.json
Needs torch, transformers and gguf. The weights are those of the GGUF file, dequantised to float32; logits are computed
in float64. The windows are those of the page "Perplexity of fixed-length models" in the documentation of transformers: each scores the tokens that
the one before has not; the first token of the text is scored by none.
"""

import json
import math
import os
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

path, text_path = sys.argv[1:3]
folder, name = os.path.split(path)
tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)
model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32).double().eval()
text = open(text_path, encoding="utf-8").read()[:12000]
ids = tokenizer(text, add_special_tokens=False)["input_ids"][:2048]


def window_nll(begin, end, first_scored):
    with torch.no_grad():
        logits = model(torch.tensor([ids[begin:end]])).logits[0]
    logprobs = torch.log_softmax(logits, dim=-1)
    return [-logprobs[t - 1 - begin, ids[t]].item() for t in range(first_scored, end)]


def hf(length, stride):
    nlls, scored, begin = [], 1, 0
    while scored < len(ids):
        end = min(begin + length, len(ids))
        nlls += window_nll(begin, end, max(scored, begin + 1))
        scored, begin = end, begin + stride
    return nlls


def llama(length):
    return [
        nll
        for begin in range(0, len(ids) - length + 1, length)
        for nll in window_nll(begin, begin + length, begin + length // 2 + 1)
    ]


cases = []
for rule, length, stride in [("hf", 512, 512), ("hf", 512, 256), ("hf", 1024, 100), ("llama", 512, 512), ("llama", 128, 128)]:
    nlls = hf(length, stride) if rule == "hf" else llama(length)
    mean = math.fsum(nlls) / len(nlls)
    cases.append(
        {"rule": rule, "length": length, "stride": stride, "scored": len(nlls), "perplexity": math.exp(mean)}
    )
    print(cases[-1], file=sys.stderr)
print(json.dumps({"torch": torch.__version__, "cases": cases}))
