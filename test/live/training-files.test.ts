// What training writes, loaded by the programs that it is written for: transformers, PEFT, tokenizers and gguf as
// TRANSFORMERS_PYTHON (python3 by default) has them. Without them these tests are skipped and say so.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adapterFiles, readAdapter } from '../../src/format/peft.ts';
import { fileSource } from '../../src/node/file-source.ts';
import { openNode } from '../../src/node/open.ts';
import { goldenPath } from '../support/goldens.ts';
import { runCli } from '../support/run-cli.ts';
import { makeTinyFolder } from '../support/tiny-folder.ts';

const python = process.env.TRANSFORMERS_PYTHON ?? 'python3';

function has(modules: string): boolean {
  try {
    execFileSync(python, ['-c', `import ${modules}`], { stdio: 'ignore' });
    return true;
  } catch {
    console.warn(`${python} has no ${modules}: these tests are skipped`);
    return false;
  }
}

/** Runs a program that prints one line of JSON last. */
function inPython(program: string, ...args: string[]): unknown {
  const text = execFileSync(python, ['-c', program, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return JSON.parse(text.trim().split('\n').at(-1)!);
}

const LOGITS = `
import sys, json, torch
from transformers import AutoModelForCausalLM
model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32).double().eval()
if len(sys.argv) > 2:
    from peft import PeftModel
    model = PeftModel.from_pretrained(model, sys.argv[2]).double()
with torch.no_grad():
    print(json.dumps(model(torch.tensor([[5, 17, 33, 60, 2, 9, 71]])).logits[0, -1].tolist()))
`;

let folder: string;
let tiny: string;
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'smollm2-live-training-'));
  tiny = makeTinyFolder('gqa');
  for (const args of [
    [tiny, at('nanotron'), '--to', 'nanotron', '--tp', '2', '--interleaved'],
    [at('nanotron'), at('hf'), '--tokenizer', tiny],
    [tiny, at('tiny.gguf'), '--type', 'bf16'],
  ]) {
    expect((await runCli(['convert', ...args])).code).toBe(0);
  }
}, 60_000);
afterAll(() => {
  for (const path of [folder, tiny]) rmSync(path, { recursive: true });
});

describe.skipIf(!has('torch, transformers'))('transformers', () => {
  it('loads a folder that went through nanotron and back, with the same logits to the last bit', () => {
    expect(inPython(LOGITS, at('hf'))).toEqual(inPython(LOGITS, goldenPath('tiny/gqa')));
  });

  it('loads its tokenizer, template and generation config', () => {
    const program = `
import sys, json
from transformers import AutoTokenizer, GenerationConfig
t = AutoTokenizer.from_pretrained(sys.argv[1])
chat = t.apply_chat_template([{"role": "user", "content": "hi"}], tokenize=False)
print(json.dumps([t.encode("ab<|im_end|>"), chat, GenerationConfig.from_pretrained(sys.argv[1]).eos_token_id]))`;
    expect(inPython(program, at('hf'))).toEqual([[69, 70, 2], '<|im_start|>user\nhi<|im_end|>', 2]);
  });
});

describe.skipIf(!has('torch, transformers, peft'))('PEFT', () => {
  it('an adapter of its own is read and written here, and gives it the same logits', async () => {
    const program = `
import sys, json, torch
from transformers import AutoModelForCausalLM
from peft import LoraConfig, get_peft_model
torch.manual_seed(0)
base = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32)
model = get_peft_model(base, LoraConfig(r=4, lora_alpha=8, use_rslora=True, target_modules=["q_proj", "down_proj"]))
for name, values in model.named_parameters():
    if "lora_B" in name: torch.nn.init.normal_(values, std=0.1)
model.save_pretrained(sys.argv[2])
print(json.dumps(None))`;
    inPython(program, at('hf'), at('theirs'));
    const checkpoint = await openNode(at('hf'));
    const adapter = await readAdapter(
      (name) => fileSource(join(at('theirs'), name)),
      'theirs',
      checkpoint.config,
    );
    expect(adapter).toMatchObject({ rank: 4, scale: 4 });
    expect(adapter.modules.size).toBe(4);
    mkdirSync(at('ours'));
    for (const { path, bytes } of adapterFiles(adapter, checkpoint.config))
      writeFileSync(join(at('ours'), path), bytes);
    await checkpoint.close();
    expect(inPython(LOGITS, at('hf'), at('ours'))).toEqual(inPython(LOGITS, at('hf'), at('theirs')));
  }, 120_000);
});

describe.skipIf(!has('tokenizers, numpy'))('tokenizers and numpy', () => {
  it('a trained tokenizer.json gives the ids of the shards', async () => {
    const text = 'Once upon a time there was a king, and the king had 12 daughters.\n'.repeat(3);
    writeFileSync(at('text.txt'), text);
    const out = ['--vocab-size', '300', '--out', at('tokenizer.json')];
    expect((await runCli(['train-tokenizer', at('text.txt'), ...out])).code).toBe(0);
    const shards = ['--tokenizer', at('tokenizer.json'), '--out', at('shards')];
    expect((await runCli(['tokenize-corpus', at('text.txt'), ...shards])).code).toBe(0);
    const program = `
import sys, json
import numpy as np
from tokenizers import Tokenizer
t = Tokenizer.from_file(sys.argv[1])
ids = t.encode(open(sys.argv[2]).read()).ids
shard = np.fromfile(sys.argv[3], dtype="<u2")
print(json.dumps([ids + [0] == shard.tolist(), t.decode(ids), np.fromfile(sys.argv[3] + ".index", dtype="<u8").tolist()]))`;
    const shard = at('shards/tokens-00000.ds');
    const [areEqual, decoded, ends] = inPython(
      program,
      at('tokenizer.json'),
      at('text.txt'),
      shard,
    ) as unknown[];
    expect([areEqual, decoded]).toEqual([true, text]);
    expect(ends).toEqual([readFileSync(shard).length / 2]);
  }, 60_000);
});

describe.skipIf(!has('gguf, numpy'))('gguf', () => {
  it('reads a converted file: metadata and every tensor', () => {
    const program = `
import sys, json
from gguf import GGUFReader
r = GGUFReader(sys.argv[1])
print(json.dumps([str(r.fields["general.architecture"].parts[-1].tobytes(), "utf8"), len(r.tensors),
  sorted({t.tensor_type.name for t in r.tensors})]))`;
    expect(inPython(program, at('tiny.gguf'))).toEqual(['llama', 20, ['BF16', 'F32']]);
  });
});
