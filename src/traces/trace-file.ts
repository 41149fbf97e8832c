// Traces in files: safetensors (ours, or anyone's), NumPy's .npz, and the text of llama.cpp's eval-callback,
// told apart by their first bytes.

import { SafetensorsFile } from '../format/safetensors.ts';
import type { Source } from '../format/source.ts';
import { isEvalCallback, parseEvalCallback } from './eval-callback.ts';
import { readNpz } from './npy.ts';
import type { RawTensor, RawTrace } from './raw-trace.ts';

/** A text longer than this is not read as the output of eval-callback. */
const MAX_TEXT_BYTES = 2 ** 29;

/**
 * Reads every tensor of a trace, widened to float64.
 *
 * @throws FormatError when the file is none of the known kinds or breaks its rules
 */
export async function readTrace(source: Source): Promise<RawTrace> {
  const start = await source.read(0, Math.min(source.size, 2 ** 16));
  if (start[0] === 0x50 && start[1] === 0x4b) {
    const tensors = new Map<string, RawTensor>();
    for (const { name, shape, values } of await readNpz(source)) tensors.set(name, { shape, values });
    return { name: source.name, tensors, metadata: {} };
  }
  const looksLikeText = start.length > 8 && !start.subarray(0, 8).includes(0);
  if (looksLikeText && source.size <= MAX_TEXT_BYTES) {
    const text = new TextDecoder().decode(await source.read(0, source.size));
    if (isEvalCallback(text)) return parseEvalCallback(text, source.name);
  }
  const file = await SafetensorsFile.open(source);
  const tensors = new Map<string, RawTensor>();
  for (const [name, { shape }] of file.tensors) {
    tensors.set(name, { shape, values: await file.readTensorAsF64(name) });
  }
  return { name: source.name, tensors, metadata: file.metadata };
}
