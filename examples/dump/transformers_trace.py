"""Dumps every activation of a transformers model for `smollm2 diff`.

    python transformers_trace.py MODEL OUT.safetensors --ids 504,2644,2643,335,260 [--dtype float32]

MODEL is a folder, a hub id, or a .gguf file. Needs torch, transformers, safetensors (and gguf for .gguf files).
Names are those of the modules; q_rope, k_rope, attn_probs, attn_out, residual_after_attention and mlp.act are read
between modules. Anything left out is no harm: diff compares the points that are there.
"""

import argparse
import os

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM
from transformers.models.llama import modeling_llama


def load(path, dtype):
    # Loading with the dtype keeps inv_freq in float32; model.to(dtype) afterwards would round it too.
    if path.endswith(".gguf"):
        folder, name = os.path.split(path)
        return AutoModelForCausalLM.from_pretrained(
            folder, gguf_file=name, dtype=dtype, attn_implementation="eager"
        )
    return AutoModelForCausalLM.from_pretrained(path, dtype=dtype, attn_implementation="eager")


def trace(model, ids):
    """Every point by name, batch dimension kept."""
    points = {}

    def keep(name, value):
        points[name] = value.detach().clone().contiguous()

    def output_of(name):
        return lambda module, args, out: keep(name, out[0] if isinstance(out, tuple) else out)

    def input_of(name):
        return lambda module, args: keep(name, args[0])

    hooks = [
        model.model.embed_tokens.register_forward_hook(output_of("model.embed_tokens")),
        model.model.norm.register_forward_hook(output_of("model.norm")),
        model.lm_head.register_forward_hook(output_of("lm_head")),
    ]
    for n, layer in enumerate(model.model.layers):
        name = f"model.layers.{n}"
        hooks.append(layer.register_forward_hook(output_of(name)))
        for part in ["input_layernorm", "post_attention_layernorm"]:
            hooks.append(getattr(layer, part).register_forward_hook(output_of(f"{name}.{part}")))
        for part in ["q_proj", "k_proj", "v_proj", "o_proj"]:
            module = getattr(layer.self_attn, part)
            hooks.append(module.register_forward_hook(output_of(f"{name}.self_attn.{part}")))
        for part in ["gate_proj", "up_proj", "down_proj"]:
            hooks.append(getattr(layer.mlp, part).register_forward_hook(output_of(f"{name}.mlp.{part}")))
        hooks.append(layer.self_attn.o_proj.register_forward_pre_hook(input_of(f"{name}.self_attn.attn_out")))
        hooks.append(layer.mlp.down_proj.register_forward_pre_hook(input_of(f"{name}.mlp.act")))
        hooks.append(
            layer.post_attention_layernorm.register_forward_pre_hook(input_of(f"{name}.residual_after_attention"))
        )

        def probs(module, args, out, name=name):
            if isinstance(out, tuple) and len(out) > 1 and out[1] is not None:
                keep(f"{name}.self_attn.attn_probs", out[1])

        hooks.append(layer.self_attn.register_forward_hook(probs))

    # The rotated heads exist only between two functions: the module's own is wrapped for this pass.
    plain = modeling_llama.apply_rotary_pos_emb
    rotated = []

    def watched(*args, **kwargs):
        q, k = plain(*args, **kwargs)
        keep(f"model.layers.{len(rotated)}.self_attn.q_rope", q)
        keep(f"model.layers.{len(rotated)}.self_attn.k_rope", k)
        rotated.append(True)
        return q, k

    modeling_llama.apply_rotary_pos_emb = watched
    try:
        with torch.no_grad():
            model(torch.tensor([ids]), output_attentions=True, use_cache=False)
    finally:
        modeling_llama.apply_rotary_pos_emb = plain
        for hook in hooks:
            hook.remove()
    points["input_ids"] = torch.tensor([ids])
    return points


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("out")
    parser.add_argument("--ids", required=True, help="such as 1,2,3")
    parser.add_argument("--dtype", default="float32", help="float32, float64, bfloat16 or float16")
    options = parser.parse_args()
    model = load(options.model, getattr(torch, options.dtype)).eval()
    points = trace(model, [int(id) for id in options.ids.split(",")])
    save_file(points, options.out, metadata={"made_with": f"torch {torch.__version__}", "dtype": options.dtype})
    print(f"{len(points)} tensors written to {options.out}")
