"""The other side of train-loss.ts: the same steps in PyTorch, float32, one thread, from the weights of FOLDER.

    python train_torch_loss.py FOLDER

Each line on stdin, a number of steps, is answered by one on stdout: seconds of wall clock and of processor time, the
losses of the steps and the loss on the windows held out.
"""
import json
import resource
import sys
import time

import numpy
import torch
from safetensors.torch import load_file
from transformers import LlamaConfig, LlamaForCausalLM

folder = sys.argv[1]
with open(f"{folder}/run.json") as file:
    run = json.load(file)
torch.set_num_threads(1)
model = LlamaForCausalLM(LlamaConfig(**run["config"])).float()
missing, unexpected = model.load_state_dict(load_file(f"{folder}/model.safetensors"), strict=False)
assert missing in ([], ["lm_head.weight"]) and not unexpected, (missing, unexpected)
model.tie_weights()
betas = (run["beta1"], run["beta2"])
optimizer = torch.optim.AdamW(model.parameters(), lr=0.0, betas=betas, eps=run["eps"], weight_decay=run["weightDecay"])
size, length = run["microBatchSize"], run["sequenceLength"]


def windows(name):
    ids = numpy.fromfile(f"{folder}/{name}.bin", dtype=numpy.int32).astype(numpy.int64)
    return torch.from_numpy(ids).view(-1, length + 1)


train, held_out = windows("windows"), windows("held-out")
taken = 0


def loss_of(rows, reduction="mean"):
    logits = model(input_ids=rows[:, :-1], use_cache=False).logits
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten(), reduction=reduction)


def step():
    global taken
    optimizer.param_groups[0]["lr"] = run["rates"][taken]
    optimizer.zero_grad()
    loss = loss_of(train[taken * size : (taken + 1) * size])
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), run["clipGrad"])
    optimizer.step()
    taken += 1
    return loss.item()


@torch.no_grad()
def look():
    losses = [loss_of(held_out[i : i + size], "sum").item() for i in range(0, len(held_out), size)]
    return sum(losses) / (len(held_out) * length)


def processor_time():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


for line in sys.stdin:
    wall, processor = time.perf_counter(), processor_time()
    losses = [step() for _ in range(int(line))]
    found = look()
    seconds = [time.perf_counter() - wall, processor_time() - processor]
    print(json.dumps({"seconds": seconds, "losses": losses, "heldOut": found}), flush=True)
