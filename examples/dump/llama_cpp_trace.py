"""Dumps llama.cpp's activations through llama-cpp-python, for `smollm2 diff`.

    python llama_cpp_trace.py MODEL.gguf OUT.npz --ids 504,2644,2643,335,260 [--flash-attention]

Needs llama-cpp-python and numpy. Every named tensor of the graph is written whole, under llama.cpp's own name;
diff knows the names. What Qcur and Kcur hold after RoPE is written as "Qcur-0 (ROPE)".
Without Python, `llama-eval-callback -m MODEL.gguf -p TEXT > OUT.txt` prints a few values of each; diff reads that text.
"""

import argparse
import ctypes
import re

import llama_cpp
import numpy as np
from llama_cpp import llama_cpp as api

# The head of struct ggml_tensor (ggml.h), as far as it is needed here.
MAX_DIMS, MAX_OP_PARAMS, MAX_SRC, MAX_NAME = 4, 64, 10, 64


class Tensor(ctypes.Structure):
    pass


Tensor._fields_ = [
    ("type", ctypes.c_int),
    ("buffer", ctypes.c_void_p),
    ("ne", ctypes.c_int64 * MAX_DIMS),
    ("nb", ctypes.c_size_t * MAX_DIMS),
    ("op", ctypes.c_int),
    ("op_params", ctypes.c_int32 * (MAX_OP_PARAMS // 4)),
    ("flags", ctypes.c_int32),
    ("src", ctypes.c_void_p * MAX_SRC),
    ("view_src", ctypes.c_void_p),
    ("view_offs", ctypes.c_size_t),
    ("data", ctypes.c_void_p),
    ("name", ctypes.c_char * MAX_NAME),
]

ELEMENTS = {0: np.float32, 1: np.float16}  # GGML_TYPE_F32, GGML_TYPE_F16
NAMES = re.compile(
    r"(attn_norm|Qcur|Kcur|Vcur|kq_soft_max|kqv_out|attn_out|ffn_inp|ffn_norm|ffn_gate|ffn_up|ffn_swiglu"
    r"|ffn_gate_par|ffn_out|l_out)-\d+|inp_embd|embd|result_norm|result_output"
)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("out")
    parser.add_argument("--ids", required=True, help="such as 1,2,3")
    parser.add_argument("--flash-attention", action="store_true", help="hides the attention weights")
    options = parser.parse_args()
    ids = [int(id) for id in options.ids.split(",")]

    arrays = {}
    seen = {}

    def watch(pointer, ask, _user):
        tensor = ctypes.cast(pointer, ctypes.POINTER(Tensor)).contents
        name = tensor.name.decode()
        if not NAMES.fullmatch(name) or tensor.type not in ELEMENTS:
            return not ask
        if ask:
            return True
        dtype = np.dtype(ELEMENTS[tensor.type])
        shape = tuple(reversed(tensor.ne))
        strides = tuple(reversed(tensor.nb))
        span = dtype.itemsize + sum((size - 1) * stride for size, stride in zip(shape, strides))
        raw = (ctypes.c_char * span).from_address(tensor.data)
        view = np.ndarray(shape, dtype, buffer=raw, strides=strides)
        # The first tensor of a name is the projection, the last one what RoPE made of it.
        seen[name] = seen.get(name, 0) + 1
        key = f"{name} (ROPE)" if re.match("[QK]cur", name) and seen[name] > 1 else name
        arrays[key] = view.copy().reshape([size for size in shape if size != 1] or [1])
        return True

    callback = api.ggml_backend_sched_eval_callback(watch)
    llama_cpp.llama_backend_init()
    model = api.llama_model_load_from_file(options.model.encode(), api.llama_model_default_params())
    parameters = api.llama_context_default_params()
    parameters.n_ctx = 512
    parameters.n_threads = parameters.n_threads_batch = 1
    parameters.cb_eval = callback
    parameters.flash_attn_type = 1 if options.flash_attention else 0
    context = api.llama_init_from_model(model, parameters)
    batch = api.llama_batch_init(len(ids), 0, 1)
    batch.n_tokens = len(ids)
    for t, id in enumerate(ids):
        batch.token[t], batch.pos[t], batch.n_seq_id[t], batch.logits[t] = id, t, 1, 1
        batch.seq_id[t][0] = 0
    if api.llama_decode(context, batch) != 0:
        raise SystemExit("llama_decode failed")
    np.savez(options.out, input_ids=np.array([ids], np.int64), **arrays)
    print(f"{len(arrays)} tensors written to {options.out}")


main()
