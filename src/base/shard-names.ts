// Names of a model's files where it lies in several: NAME-00001-of-00003.gguf, as llama.cpp's gguf-split writes them.

/** Most shards of a model; every one stays open while it is read. */
export const MAX_SHARDS = 1024;

const SHARD_NAME = /-(\d{5})-of-(\d{5})\.gguf$/i;

/** The name of shard `index` (from 0) of `count`. */
export function shardName(stem: string, index: number, count: number): string {
  const digits = (n: number) => String(n).padStart(5, '0');
  return `${stem}-${digits(index + 1)}-of-${digits(count)}.gguf`;
}

/** Stem, place (from 0) and number of shards in the name or path of one; undefined where it is no shard's. */
export function shardOf(name: string): { stem: string; index: number; count: number } | undefined {
  const match = SHARD_NAME.exec(name);
  if (!match) return undefined;
  const [index, count] = [Number(match[1]) - 1, Number(match[2])];
  if (index < 0 || index >= count || count > MAX_SHARDS) return undefined;
  return { stem: name.slice(0, match.index), index, count };
}

/** Names of all shards of the model of which a name or path is one; undefined where it is no shard's. */
export function shardNames(name: string): string[] | undefined {
  const shard = shardOf(name);
  return shard && Array.from({ length: shard.count }, (_, i) => shardName(shard.stem, i, shard.count));
}
