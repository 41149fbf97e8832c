// Writes the sha256 of every golden file to manifest.json; who made a file is kept, or asked for by "?".

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('.', import.meta.url));
const path = `${folder}manifest.json`;
const before = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {};

const DEFAULT_MAKER = {
  'real-135m-instruct': 'HF transformers 5.23.0 in float64 (torch 2.15.0) on the dequantised Q4_1 file',
  training: "PyTorch 2.15.0 in float64; schedule: nanotron's formula and LambdaLR",
  tiny: 'HF transformers 5.23.0 in float64 (torch 2.15.0) on seeded random weights',
  quant: 'gguf-py 0.19.0',
  data: 'datatrove 0.10.1 with spaCy 3.8.18 (make_filters.py)',
  dedup: 'datatrove 0.10.1 with spaCy 3.8.18 (make_dedup.py)',
  sampling: 'HF transformers 5.23.0 in float64',
  chat: 'jinja2 3.1.6 in the environment of HF transformers',
  tokenizer: 'HF tokenizers 0.23.3',
  'llama.cpp': 'llama.cpp in llama-cpp-python 0.3.36 (make_eval_callback.py)',
};

const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => /\.(json|bin|safetensors|parquet|gz|npz|txt)$/.test(file) && file !== 'manifest.json')
  .sort();
const manifest = {};
for (const file of files) {
  const sha256 = createHash('sha256')
    .update(readFileSync(folder + file))
    .digest('hex');
  manifest[file] = { sha256, from: before[file]?.from ?? DEFAULT_MAKER[file.split('/')[0]] ?? '?' };
}
writeFileSync(path, `${JSON.stringify(manifest, null, 2)}\n`);
