// Text to ids and back: English prose, and the text that is worst for byte-pair encoding, one letter repeated.

import { readGguf } from '../src/format/gguf.ts';
import { fileSource } from '../src/node/file-source.ts';
import { Tokenizer } from '../src/tokenizer/tokenizer.ts';
import type { BenchContext } from './context.ts';
import { sample } from './measure.ts';

const TEXT_LENGTH = 100_000;

export async function tokenizer({ add, weights }: BenchContext): Promise<void> {
  const checkpoint = await readGguf(await fileSource(weights.path));
  const ours = Tokenizer.from(checkpoint.tokenizer!);
  await checkpoint.close();
  const { text } = weights.promptOf(TEXT_LENGTH / 4);
  const prose = text.slice(0, TEXT_LENGTH);
  const texts = { prose, 'one letter': 'a'.repeat(TEXT_LENGTH) };
  for (const [kind, content] of Object.entries(texts)) {
    const ids = ours.encode(content);
    const cases = [
      ['encode', () => ours.encode(content)],
      ['decode', () => ours.decode(ids)],
    ] as const;
    for (const [name, run] of cases) {
      const timing = await sample(run);
      const rate = content.length / timing.medianMs / 1e3;
      const checksum = name === 'encode' ? `${ids.length} ids` : '';
      add({ name, shape: `100 kB, ${kind}`, ...timing, rate, unit: 'MB/s', checksum });
    }
  }
}
