"""The other side of evaluation.ts: questions of PIQA in HuggingFace transformers, float32, by the reference script.

    python evaluation_transformers.py MODEL.gguf TOKENIZER.json DATA_FOLDER

Each line on stdin, `THREADS FIRST LAST`, is answered by one on stdout: milliseconds and the number of right answers.
"""
import json
import pathlib
import sys
import time

import torch

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "test/golden/eval"))
import make_eval_reference as reference  # noqa: E402

model, tokenizer = reference.open_model(*sys.argv[1:3])
for line in sys.stdin:
    threads, first, last = map(int, line.split())
    torch.set_num_threads(threads)
    start = time.perf_counter()
    rows = reference.rows_of(sys.argv[3], reference.TASKS["piqa"][0], last + 1)[first:]
    right = sum(reference.scored(model, tokenizer, "piqa", row)["scores"]["acc_norm"] for row in rows)
    print(json.dumps({"ms": (time.perf_counter() - start) * 1e3, "right": right}), flush=True)
