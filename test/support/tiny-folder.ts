// A whole HuggingFace folder for the command line: a tiny golden model with a tokenizer of one token per character.

import { copyFileSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { goldenPath } from './goldens.ts';

const SPECIALS = ['<|endoftext|>', '<|im_start|>', '<|im_end|>'];
/** Ids 3 to 95: space, line feed and the characters from ! to {, as byte-level vocabularies write them. */
const CHARACTERS = ['Ġ', 'Ċ', ...Array.from({ length: 91 }, (_, i) => String.fromCharCode(33 + i))];

const CHAT_TEMPLATE =
  "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>a' }}{% endif %}";

/** Makes the folder and returns its path; the caller removes it. */
export function makeTinyFolder(model = 'gqa'): string {
  const folder = mkdtempSync(join(tmpdir(), 'smollm2-tiny-'));
  for (const name of ['config.json', 'model.safetensors']) {
    copyFileSync(goldenPath(`tiny/${model}/${name}`), join(folder, name));
  }
  const vocab = Object.fromEntries([...SPECIALS, ...CHARACTERS].map((text, id) => [text, id]));
  const added = SPECIALS.map((content, id) => ({ id, content, special: true, normalized: false }));
  const bytes = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  writeFileSync(
    join(folder, 'tokenizer.json'),
    JSON.stringify({
      added_tokens: added.map((token) => ({ ...token, lstrip: false, rstrip: false, single_word: false })),
      normalizer: null,
      pre_tokenizer: {
        type: 'Sequence',
        pretokenizers: [{ type: 'Digits', individual_digits: true }, bytes],
      },
      post_processor: null,
      decoder: bytes,
      model: { type: 'BPE', vocab, merges: [] },
    }),
  );
  writeFileSync(
    join(folder, 'tokenizer_config.json'),
    JSON.stringify({ eos_token: '<|im_end|>', chat_template: CHAT_TEMPLATE }),
  );
  return folder;
}

/** The text of ids in that tokenizer. */
export function tinyText(ids: readonly number[]): string {
  const texts = [...SPECIALS, ...CHARACTERS];
  return ids.map((id) => texts[id].replace('Ġ', ' ').replace('Ċ', '\n')).join('');
}
