"""Dumps the activations of an ONNX model through ONNX Runtime, for `smollm2 diff`.

    python onnx_trace.py MODEL.onnx OUT.npz --ids 504,2644,2643,335,260

Needs onnx, onnxruntime and numpy. Every inner value whose node has a name of the kind /model/layers.0/mlp/up_proj/MatMul
(as optimum, torch.onnx and onnxruntime-genai write them) becomes an output and is saved under the HuggingFace name.
Graphs that were fused for speed show fewer points; diff compares those that are there.
"""

import argparse
import re

import numpy as np
import onnx
import onnxruntime

# Node path, without the operation: the point it shows. The last node of a path wins.
PARTS = {
    "input_layernorm": "input_layernorm",
    "post_attention_layernorm": "post_attention_layernorm",
    "q_proj": "self_attn.q_proj",
    "k_proj": "self_attn.k_proj",
    "v_proj": "self_attn.v_proj",
    "o_proj": "self_attn.o_proj",
    "gate_proj": "mlp.gate_proj",
    "up_proj": "mlp.up_proj",
    "down_proj": "mlp.down_proj",
}
PATH = re.compile(r"^/model/layers\.(\d+)/(?:self_attn/|attn/|mlp/)?(" + "|".join(PARTS) + r")/")


def points_of(graph):
    """Value name by point name."""
    points = {}
    for node in graph.node:
        match = PATH.match(node.name)
        if match and node.output:
            points[f"model.layers.{match.group(1)}.{PARTS[match.group(2)]}"] = node.output[0]
        elif node.name.startswith("/model/embed_tokens/") and node.output:
            points["model.embed_tokens"] = node.output[0]
        elif re.match(r"^/model/(norm|layers\.\d+/final_norm_layernorm)/", node.name) and node.output:
            points["model.norm"] = node.output[0]
    return points


def feeds_of(session, ids):
    """Ids, positions and an empty cache, for whichever of them the model asks."""
    feeds = {}
    for entry in session.get_inputs():
        shape = [size if isinstance(size, int) else 1 for size in entry.shape]
        dtype = {"tensor(int64)": np.int64, "tensor(float16)": np.float16}.get(entry.type, np.float32)
        if entry.name == "input_ids":
            feeds[entry.name] = np.array([ids], np.int64)
        elif entry.name == "attention_mask":
            feeds[entry.name] = np.ones((1, len(ids)), np.int64)
        elif entry.name == "position_ids":
            feeds[entry.name] = np.arange(len(ids), dtype=np.int64)[None]
        else:
            feeds[entry.name] = np.zeros([1, shape[1], 0, shape[3]] if len(shape) == 4 else shape, dtype)
    return feeds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("out")
    parser.add_argument("--ids", required=True, help="such as 1,2,3")
    options = parser.parse_args()
    ids = [int(id) for id in options.ids.split(",")]
    model = onnx.load(options.model)
    known = {output.name for output in model.graph.output}
    points = points_of(model.graph)
    for value in set(points.values()) - known:
        model.graph.output.append(onnx.helper.make_empty_tensor_value_info(value))
    settings = onnxruntime.SessionOptions()
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), settings, providers=["CPUExecutionProvider"])
    names = [*points.values(), "logits"]
    values = dict(zip(names, session.run(names, feeds_of(session, ids))))
    arrays = {point: values[value] for point, value in points.items()}
    np.savez(options.out, input_ids=np.array([ids], np.int64), lm_head=values["logits"], **arrays)
    print(f"{len(arrays) + 1} tensors written to {options.out}")


main()
