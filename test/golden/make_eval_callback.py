"""Prints what llama.cpp's eval-callback example prints, through llama-cpp-python: every node of the graph as it is
computed, with llama.cpp's own names and numbers, the first and last three values of each axis, 4 decimals.

    python make_eval_callback.py MODEL.gguf --ids 504,2644,2643,335,260 [--layers 0,1,29] > OUT.txt

The line of a node and the brackets under it are as common/debug.cpp (llama.cpp of 2026) writes them; as there, one
pass over the whole prompt, logits of the last token only, and flash attention where llama.cpp chooses it.
`--layers` keeps the nodes of some layers, and those of none.
"""

import argparse
import ctypes
import glob
import os
import re
import sys

import llama_cpp
import numpy as np
from llama_cpp import llama_cpp as api

SHOWN = 3  # values at either end of an axis
# struct ggml_tensor (ggml.h), as far as it is needed here.
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
    ("src", ctypes.POINTER(Tensor) * MAX_SRC),
    ("view_src", ctypes.c_void_p),
    ("view_offs", ctypes.c_size_t),
    ("data", ctypes.c_void_p),
    ("name", ctypes.c_char * MAX_NAME),
]

# GGML_TYPE_F32, F16, I32, I64: what the graph of a Llama keeps its activations, cache and positions in.
ELEMENTS = {0: np.float32, 1: np.float16, 26: np.int32, 27: np.int64}

base = ctypes.CDLL(glob.glob(os.path.join(os.path.dirname(llama_cpp.__file__), "lib", "libggml-base.*"))[0])
base.ggml_op_desc.restype = base.ggml_type_name.restype = ctypes.c_char_p
base.ggml_op_desc.argtypes = [ctypes.c_void_p]
base.ggml_type_name.argtypes = [ctypes.c_int]


def described(tensor):
    return f"{tensor.name.decode()}{{{sizes(tensor)}}}"


def sizes(tensor):
    return ", ".join(str(size) for size in tensor.ne)


def values_of(tensor):
    dtype = np.dtype(ELEMENTS[tensor.type])
    shape, strides = tuple(reversed(tensor.ne)), tuple(reversed(tensor.nb))
    span = dtype.itemsize + sum((size - 1) * stride for size, stride in zip(shape, strides))
    raw = (ctypes.c_char * span).from_address(tensor.data)
    return np.ndarray(shape, dtype, buffer=raw, strides=strides)


def shown(size):
    """Indices along an axis, None where dots stand."""
    if size <= 2 * SHOWN:
        return list(range(size))
    return [*range(SHOWN), None, *range(size - SHOWN, size)]


def row_text(row):
    text = ""
    for at in shown(len(row)):
        if at is None:
            text += "   ..., "
            continue
        text += f"{float(row[at]):12.4f}"
        if at < len(row) - 1:
            text += ", "
    return text


def print_values(values, out):
    with np.errstate(all="ignore"):
        total = float(np.sum(values, dtype=np.float32))
    for block in values:
        out.write("    [\n")
        for plane in shown(len(block)):
            if plane is None:
                out.write("        ..., \n")
                continue
            out.write("        [\n")
            for row in shown(len(block[plane])):
                if row is None:
                    out.write("            ..., \n")
                    continue
                out.write(f"            [{row_text(block[plane][row])}  ],\n")
            out.write("        ],\n")
        out.write("    ]\n")
        out.write(f"    sum = {total:f}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--ids", required=True, help="such as 1,2,3")
    parser.add_argument("--layers", help="such as 0,1,29")
    options = parser.parse_args()
    ids = [int(id) for id in options.ids.split(",")]
    layers = options.layers and set(options.layers.split(","))
    out = sys.stdout

    def watch(pointer, ask, _user):
        tensor = ctypes.cast(pointer, ctypes.POINTER(Tensor)).contents
        if ask:
            return True
        name = tensor.name.decode()
        layer = re.search(r"-(\d+)( \(|$)", name) or re.search(r"_l(\d+)( \(|$)", name)
        if layers and (layer.group(1) not in layers if layer else not re.match("embd|inp_|result_", name)):
            return True
        first, second = tensor.src[0], tensor.src[1]
        sources = f"{described(first.contents)}, {described(second.contents) if second else ''}"
        kind = base.ggml_type_name(tensor.type).decode()
        op = base.ggml_op_desc(ctypes.cast(pointer, ctypes.c_void_p)).decode()
        out.write(f"common_debug_cb_eval: {name:>24} = ({kind}) {op:>10}({sources}}}) = {{{sizes(tensor)}}}\n")
        print_values(values_of(tensor), out)
        return True

    callback = api.ggml_backend_sched_eval_callback(watch)
    llama_cpp.llama_backend_init()
    model = api.llama_model_load_from_file(options.model.encode(), api.llama_model_default_params())
    parameters = api.llama_context_default_params()
    parameters.n_ctx = 0
    parameters.n_threads = parameters.n_threads_batch = 1
    parameters.cb_eval = callback
    context = api.llama_init_from_model(model, parameters)
    tokens = (ctypes.c_int32 * len(ids))(*ids)
    if api.llama_decode(context, api.llama_batch_get_one(tokens, len(ids))) != 0:
        raise SystemExit("llama_decode failed")


main()
