"""The other side of train-steps.ts: the same step in PyTorch, float32: HuggingFace's LlamaForCausalLM and fused-free AdamW.

    python train_torch.py CONFIG.json BATCH LENGTH THREADS [compiled]

Each line on stdin, a number of steps, is answered by one on stdout: seconds of wall clock and of processor time.
"""
import json
import resource
import sys
import time

import torch
from transformers import LlamaConfig, LlamaForCausalLM

config = LlamaConfig(**json.loads(sys.argv[1]))
batch, length, threads = map(int, sys.argv[2:5])
torch.set_num_threads(threads)
torch.manual_seed(0)
model = LlamaForCausalLM(config).float()
if sys.argv[5:] == ["compiled"]:
    model.compile()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1)
ids = torch.randint(0, config.vocab_size, (batch, length + 1))


def processor_time():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def step():
    optimizer.zero_grad()
    logits = model(input_ids=ids[:, :-1]).logits
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()


for line in sys.stdin:
    wall, processor = time.perf_counter(), processor_time()
    for _ in range(int(line)):
        step()
    print(json.dumps([time.perf_counter() - wall, processor_time() - processor]), flush=True)
