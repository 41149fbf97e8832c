// Golden safetensors files, read by our own reader (which has tests of its own).

import { type SafetensorsEntry, SafetensorsFile } from '../../src/format/safetensors.ts';
import { fileSource } from '../../src/node/file-source.ts';
import { goldenPath } from './goldens.ts';

export type GoldenTensors = ReadonlyMap<string, SafetensorsEntry & { values: Float64Array }>;

/** Every tensor of a file, widened to float64. */
export async function goldenTensors(name: string): Promise<GoldenTensors> {
  const file = await SafetensorsFile.open(await fileSource(goldenPath(name)));
  const tensors = new Map<string, SafetensorsEntry & { values: Float64Array }>();
  for (const entry of file.tensors.values()) {
    tensors.set(entry.name, { ...entry, values: await file.readTensorAsF64(entry.name) });
  }
  await file.close();
  return tensors;
}
