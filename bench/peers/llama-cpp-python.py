"""Native llama.cpp through llama-cpp-python, built from source for this processor; the requests of child.mjs.

The low-level calls are used, as llama-bench does: one llama_decode per prompt or token, the largest logit by numpy.
"""

import ctypes
import json
import sys
import time

import llama_cpp
import numpy as np


def start_clock():
    start, start_cpu = time.perf_counter(), time.process_time()
    return lambda: {
        "ms": (time.perf_counter() - start) * 1e3,
        "cpuMs": (time.process_time() - start_cpu) * 1e3,
    }


class Engine:
    def __init__(self):
        llama_cpp.llama_backend_init()
        self.model = self.context = None
        self.ids = []

    def open(self, model, threads, contextSize, flashAttention=False, **_):
        self.close()
        params = llama_cpp.llama_model_default_params()
        params.n_gpu_layers = 0
        self.model = llama_cpp.llama_model_load_from_file(model.encode(), params)
        if not self.model:
            raise RuntimeError(f"llama.cpp does not load {model}")
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = contextSize
        params.n_batch = params.n_ubatch = 512
        params.n_threads = params.n_threads_batch = threads
        params.flash_attn_type = 1 if flashAttention else 0
        params.no_perf = True
        self.context = llama_cpp.llama_init_from_model(self.model, params)
        self.memory = llama_cpp.llama_get_memory(self.context)
        self.vocab_size = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self.model))
        self.ids = []
        return {"version": f"llama-cpp-python {llama_cpp.__version__}"}

    def run(self, ids):
        """One or more passes of at most 512 ids; the logits of the last id are computed."""
        for begin in range(0, len(ids), 512):
            chunk = ids[begin : begin + 512]
            tokens = (llama_cpp.llama_token * len(chunk))(*chunk)
            if llama_cpp.llama_decode(self.context, llama_cpp.llama_batch_get_one(tokens, len(chunk))) != 0:
                raise RuntimeError("llama_decode failed")
        self.ids += ids

    def keep(self, ids):
        kept = 0
        while kept < min(len(ids), len(self.ids)) and ids[kept] == self.ids[kept]:
            kept += 1
        llama_cpp.llama_memory_seq_rm(self.memory, 0, kept, -1)
        self.ids = self.ids[:kept]
        return kept

    def prefill(self, ids, **_):
        self.keep([])
        elapsed = start_clock()
        self.run(ids)
        return elapsed()

    def decode(self, ids, count, **_):
        context = ids[:-1]
        self.run(context[self.keep(context) :])
        generated, id = [], ids[-1]
        elapsed = start_clock()
        for _ in range(count):
            self.run([id])
            pointer = llama_cpp.llama_get_logits_ith(self.context, -1)
            address = ctypes.addressof(pointer.contents)
            logits = np.frombuffer((ctypes.c_float * self.vocab_size).from_address(address), dtype=np.float32)
            id = int(logits.argmax())
            generated.append(id)
        return {**elapsed(), "ids": generated}

    def close(self):
        if self.context:
            llama_cpp.llama_free(self.context)
            llama_cpp.llama_model_free(self.model)
            self.context = self.model = None
        return {}


engine = Engine()
for line in sys.stdin:
    request = json.loads(line)
    action = request.pop("do")
    try:
        reply = getattr(engine, action)(**request) or {}
    except Exception as error:
        reply = {"error": repr(error)}
    print(f"\n@ {json.dumps(reply)}", flush=True)
    if action == "close":
        break
