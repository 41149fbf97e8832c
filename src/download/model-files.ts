// Which files of a repository or folder make a model: one GGUF file, or the files of an HF folder.

import { UnavailableError } from '../base/errors.ts';
import { shardNames, shardOf } from '../base/shard-names.ts';

/** Files to fetch or open, by name; of a GGUF model in several files, `file` is the first of `shards`. */
export type ModelFiles =
  | { readonly kind: 'gguf'; readonly file: string; readonly shards: readonly string[] }
  | { readonly kind: 'folder'; readonly files: readonly string[] };

/** Files of an HF folder beside the weights; the first two must be there. */
const FOLDER_FILES = [
  'config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'generation_config.json',
  'chat_template.jinja',
  'special_tokens_map.json',
];

export const INDEX_FILE = 'model.safetensors.index.json';

/** Quantisations in the order in which they are taken when the user named none; llama.cpp's default leads. */
const PREFERRED = ['q4_k_m', 'q4_1', 'q4_0', 'q8_0', 'f16', 'bf16', 'f32'];

/**
 * Chooses from the names in a repository. Shards of an index are not known yet: the caller reads the index
 * and adds them.
 *
 * @param wanted a file name, or a part of one such as `Q4_K_M`
 * @returns undefined when the names make no model
 * @throws UnavailableError when `wanted` fits no file, or more than one
 */
export function chooseModelFiles(names: readonly string[], wanted?: string): ModelFiles | undefined {
  // Projectors of images stand beside the model under the same tags.
  const ggufs = names.filter((name) => {
    const isFirst = (shardOf(name)?.index ?? 0) === 0;
    return /\.gguf$/i.test(name) && !/(^|\/)mmproj/i.test(name) && isFirst;
  });
  const gguf = (file: string): ModelFiles => ({ kind: 'gguf', file, shards: shardNames(file) ?? [file] });
  if (wanted !== undefined) {
    const fitting = fittingNames(ggufs, wanted);
    if (fitting.length === 1) return gguf(fitting[0]);
    const choice = ggufs.join(', ') || 'none';
    throw new UnavailableError(
      `${wanted}: expected one GGUF file of that name, got ${fitting.length} of: ${choice}`,
    );
  }
  const weights = names.includes(INDEX_FILE) ? INDEX_FILE : 'model.safetensors';
  if ([weights, ...FOLDER_FILES.slice(0, 2)].every((name) => names.includes(name))) {
    return { kind: 'folder', files: [...FOLDER_FILES.filter((name) => names.includes(name)), weights] };
  }
  if (ggufs.length <= 1) return ggufs[0] ? gguf(ggufs[0]) : undefined;
  for (const type of PREFERRED) {
    const file = ggufs.find((name) => wholeName(name).endsWith(`${type}.gguf`));
    if (file) return gguf(file);
  }
  throw new UnavailableError(`expected the name of one of these files behind a colon: ${ggufs.join(', ')}`);
}

/** The name in lower case; of a shard, that of the file it was cut from. */
function wholeName(name: string): string {
  const shard = shardOf(name);
  return (shard ? `${shard.stem}.gguf` : name).toLowerCase();
}

/** The file of that name, else those that end with it as a tag (`-F16.gguf`), else those that contain it. */
function fittingNames(ggufs: readonly string[], wanted: string): readonly string[] {
  if (ggufs.includes(wanted)) return [wanted];
  const tag = wanted.toLowerCase();
  const tagged = ggufs.filter((name) => {
    const whole = wholeName(name);
    const before = whole.length - tag.length - 5;
    return whole.endsWith(`${tag}.gguf`) && (before === 0 || '-._/'.includes(whole[before - 1]));
  });
  return tagged.length > 0 ? tagged : ggufs.filter((name) => name.toLowerCase().includes(tag));
}

/**
 * Names of the shards in a `model.safetensors.index.json`.
 *
 * @returns undefined when the index is broken; the reader of the folder says in which way
 */
export function indexedShards(indexText: string): string[] | undefined {
  try {
    const { weight_map: map } = JSON.parse(indexText) as { weight_map?: unknown };
    const names = [...new Set(Object.values(map as Record<string, unknown>))];
    return names.every((name) => typeof name === 'string' && /^[\w-][\w.-]*$/.test(name))
      ? (names as string[])
      : undefined;
  } catch {
    return undefined;
  }
}
