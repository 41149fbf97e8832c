"""A llama.cpp server for `smollm2 eval --url`, with the echoed log-probabilities at their own tokens.

    pip install 'llama-cpp-python[server]'
    python serve_llama_cpp.py --model MODEL.gguf --logits_all true --n_ctx 2048 --port 8080

llama-cpp-python (0.3.36) takes ln p of token i of an echoed prompt from the logits after token i, unless the prompt
starts with a beginning-of-text token, which SmolLM2's does not. Here the rows of logits are moved down by one.
"""
import numpy
from llama_cpp import Llama
from llama_cpp.server.__main__ import main

of_rows = Llama.logits_to_logprobs


def of_rows_before(logits, axis=-1):
    rows = of_rows(logits, axis)
    return rows if rows.ndim == 1 else numpy.concatenate([rows[:1], rows[:-1]])


Llama.logits_to_logprobs = staticmethod(of_rows_before)
main()
