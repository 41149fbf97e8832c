import { describe, expect, it } from 'vitest';
import { FormatError, UnavailableError } from '../../src/base/errors.ts';
import { type OpenFile, readHfFolder } from '../../src/format/hf.ts';
import { SafetensorsFile, writeSafetensors } from '../../src/format/safetensors.ts';
import { bytesSource } from '../../src/format/source.ts';
import { goldenBytes, goldenJson } from '../support/goldens.ts';

type Files = Record<string, Uint8Array | string | object>;

/** A folder in memory; counts the sources that are open. */
function folder(files: Files) {
  const state = { isOpen: 0 };
  const open: OpenFile = async (fileName) => {
    if (!Object.hasOwn(files, fileName)) throw new UnavailableError(`${fileName}: expected a file, got none`);
    const content = files[fileName];
    const text = typeof content === 'string' ? content : JSON.stringify(content);
    const bytes = content instanceof Uint8Array ? content : new TextEncoder().encode(text);
    state.isOpen++;
    return { ...bytesSource(fileName, bytes), close: async () => void state.isOpen-- };
  };
  return { open, state };
}

const config = (name: string) => goldenJson(`tiny/${name}/config.json`) as Record<string, unknown>;
const weights = (name: string) => Uint8Array.from(goldenBytes(`tiny/${name}/model.safetensors`));
const gqa = (): Files => ({ 'config.json': config('gqa'), 'model.safetensors': weights('gqa') });
const read = (files: Files) => readHfFolder(folder(files).open, 'model');

/** The tensors of gqa in two shards, and the index of both. */
async function shards(): Promise<Files> {
  const whole = await SafetensorsFile.open(bytesSource('x', weights('gqa')));
  const names = [...whole.tensors.keys()];
  const weightMap: Record<string, string> = {};
  const files: Files = { 'config.json': config('gqa') };
  for (const [i, half] of [names.slice(0, 5), names.slice(5)].entries()) {
    const shard = `model-0000${i + 1}-of-00002.safetensors`;
    const tensors = [];
    for (const name of half) {
      const values = Float32Array.from(await whole.readTensorAsF64(name));
      tensors.push({ name, shape: whole.tensors.get(name)!.shape, values });
      weightMap[name] = shard;
    }
    files[shard] = writeSafetensors(tensors, { format: 'pt' });
  }
  files['model.safetensors.index.json'] = { metadata: { total_size: 1 }, weight_map: weightMap };
  return files;
}

describe('readHfFolder', () => {
  it('reads what AutoModel saved, without `model.`, and leaves tables that are no weights aside', async () => {
    const whole = await SafetensorsFile.open(bytesSource('x', weights('gqa')));
    const tensors = [];
    for (const [name, { shape }] of whole.tensors) {
      const values = Float32Array.from(await whole.readTensorAsF64(name));
      tensors.push({ name: name.replace(/^model\./, ''), shape, values });
    }
    tensors.push({ name: 'position_ids', shape: [1, 3], values: Float32Array.of(0, 1, 2) });
    tensors.push({ name: 'layers.0.self_attn.masked_bias', shape: [], values: Float32Array.of(-1e4) });
    const bare = await read({ ...gqa(), 'model.safetensors': writeSafetensors(tensors, { format: 'pt' }) });
    const named = await read(gqa());
    expect([...bare.tensors.keys()].sort()).toEqual([...named.tensors.keys()].sort());
  });

  it.each(['gqa', 'mha', 'mqa', 'untied', 'llama3-rope', 'qwen2'])(
    'opens the tiny model %s',
    async (name) => {
      const checkpoint = await read({ 'config.json': config(name), 'model.safetensors': weights(name) });
      const json = config(name);
      expect(checkpoint.config).toMatchObject({
        hiddenSize: json.hidden_size,
        numLayers: json.num_hidden_layers,
        tiedEmbeddings: json.tie_word_embeddings,
        qkvBias: name === 'qwen2',
      });
      expect(checkpoint.config.ropeScaling !== undefined).toBe(name === 'llama3-rope');
      expect(checkpoint.tensors.has('lm_head.weight')).toBe(json.tie_word_embeddings === false);
      const rows = await checkpoint.tensors.get('model.embed_tokens.weight')!.readRows(1, 3);
      expect(rows.length).toBe(2 * 4 * (json.hidden_size as number));
    },
  );

  it('reads two shards as the one file they were made from', { tags: ['slow'] }, async () => {
    const one = await read(gqa());
    const two = await read(await shards());
    expect([...two.tensors.keys()].sort()).toEqual([...one.tensors.keys()].sort());
    for (const [name, tensor] of one.tensors) {
      const numRows = tensor.shape.length === 1 ? 1 : tensor.shape[0];
      expect(await two.tensors.get(name)!.readRows(0, numRows)).toEqual(await tensor.readRows(0, numRows));
    }
  });

  it('closes every file: the small ones at once, the weights on close or on failure', async () => {
    const good = folder({ ...(await shards()), 'tokenizer.json': {}, 'chat_template.jinja': 'x' });
    const checkpoint = await readHfFolder(good.open, 'model');
    expect(good.state.isOpen).toBe(2);
    await checkpoint.close();
    expect(good.state.isOpen).toBe(0);
    const broken: Files[] = [
      { ...gqa(), 'model.safetensors': weights('gqa').subarray(0, 1000) },
      { ...gqa(), 'config.json': { ...config('gqa'), num_hidden_layers: 9 } },
      { ...(await shards()), 'model-00002-of-00002.safetensors': 'not weights' },
    ];
    for (const files of broken) {
      const bad = folder(files);
      await expect(readHfFolder(bad.open, 'model')).rejects.toThrow(FormatError);
      expect(bad.state.isOpen).toBe(0);
    }
  });

  it('takes the ids of generation_config.json as ends too', async () => {
    const { config: both } = await read({ ...gqa(), 'generation_config.json': { eos_token_id: [5, 6] } });
    const { config: own } = await read(gqa());
    expect([...both.eosIds].sort()).toEqual([...new Set([...own.eosIds, 5, 6])].sort());
  });

  it.each([
    ['a text', { 'tokenizer_config.json': { chat_template: 'T' } }, 'T'],
    [
      'the one named default of a list',
      {
        'tokenizer_config.json': {
          chat_template: [
            { name: 'tool_use', template: 'U' },
            { name: 'default', template: 'T' },
          ],
        },
      },
      'T',
    ],
    [
      'chat_template.jinja before both',
      { 'chat_template.jinja': 'J', 'tokenizer_config.json': { chat_template: 'T' } },
      'J',
    ],
    ['none', {}, undefined],
  ])('finds the chat template: %s', async (_, files, expected) => {
    expect((await read({ ...gqa(), ...files })).chatTemplate).toBe(expected);
  });

  it('hands tokenizer.json and its config on as parsed', async () => {
    const files = {
      ...gqa(),
      'tokenizer.json': { version: '1.0' },
      'tokenizer_config.json': { bos_token: 'b' },
    };
    expect((await read(files)).tokenizer).toMatchObject({
      kind: 'json',
      tokenizer: { version: '1.0' },
      tokenizerConfig: { bos_token: 'b' },
    });
  });

  it('leaves out a repeated tied head and old rotary frequencies', async () => {
    const whole = await SafetensorsFile.open(bytesSource('x', weights('gqa')));
    const tensors = [];
    for (const { name, shape } of whole.tensors.values()) {
      tensors.push({ name, shape, values: Float32Array.from(await whole.readTensorAsF64(name)) });
    }
    const embedding = tensors.find(({ name }) => name === 'model.embed_tokens.weight')!;
    tensors.push({ ...embedding, name: 'lm_head.weight' });
    tensors.push({
      name: 'model.layers.0.self_attn.rotary_emb.inv_freq',
      shape: [4],
      values: new Float32Array(4),
    });
    const checkpoint = await read({ ...gqa(), 'model.safetensors': writeSafetensors(tensors) });
    expect(checkpoint.tensors.size).toBe(tensors.length - 2);
  });

  it('reads weights in BF16 whatever torch_dtype says', async () => {
    const whole = await SafetensorsFile.open(bytesSource('x', weights('gqa')));
    const tensors = [...whole.tensors.values()].map(({ name, shape, byteLength }) => ({
      name,
      shape,
      values: new Uint8Array(byteLength / 2),
      dtype: 'BF16' as const,
    }));
    const checkpoint = await read({ ...gqa(), 'model.safetensors': writeSafetensors(tensors) });
    expect(checkpoint.tensors.get('model.norm.weight')?.dtype).toBe('BF16');
  });
});

describe('readHfFolder, malformed', () => {
  const index = (weightMap: unknown) => ({
    'config.json': config('gqa'),
    'model.safetensors.index.json': { weight_map: weightMap },
  });
  const shard = (name: unknown) => index({ 'model.norm.weight': name });

  it.each<[string, Files]>([
    ['a config that is no JSON', { ...gqa(), 'config.json': '{"a": 1,}' }],
    ['a config that is a list', { ...gqa(), 'config.json': [] }],
    ['a config that is no UTF-8', { ...gqa(), 'config.json': Uint8Array.of(0x22, 0xff, 0x22) }],
    ['a config of a million brackets', { ...gqa(), 'config.json': '['.repeat(10 ** 6) }],
    [
      'a generation_config.json with an id beyond the vocabulary',
      { ...gqa(), 'generation_config.json': { eos_token_id: 10 ** 6 } },
    ],
    ['weights of another model', { ...gqa(), 'model.safetensors': weights('mha') }],
    [
      'weights in I32',
      {
        ...gqa(),
        'model.safetensors': writeSafetensors([
          { name: 'model.norm.weight', shape: [1], values: Int32Array.of(1) },
        ]),
      },
    ],
    ['an index without weight_map', index(undefined)],
    ['an index with a list', index([])],
    ['a shard above the folder', shard('../../x.safetensors')],
    ['a shard with an absolute path', shard('/etc/x.safetensors')],
    ['a shard behind a URL', shard('http://example.org/x.safetensors')],
    ['a shard on another drive', shard('C:\\x.safetensors')],
    ['a shard that is a number', shard(5)],
  ])('refuses %s with a FormatError', async (_, files) => {
    const { open, state } = folder(files);
    await expect(readHfFolder(open, 'model')).rejects.toThrow(FormatError);
    expect(state.isOpen).toBe(0);
  });

  it('refuses an index that names a tensor its shard has not', async () => {
    const files = await shards();
    const { weight_map: weightMap } = files['model.safetensors.index.json'] as {
      weight_map: Record<string, string>;
    };
    weightMap['model.norm.weight'] = 'model-00001-of-00002.safetensors';
    await expect(read(files)).rejects.toThrow(/model.norm.weight in model-00001/);
  });

  it.each<[string, Files, string]>([
    ['no config.json', { 'model.safetensors': weights('gqa') }, 'config.json'],
    ['no weights', { 'config.json': config('gqa') }, 'model.safetensors'],
    ['a shard that is not there', shard('absent.safetensors'), 'absent.safetensors'],
  ])('says what is missing: %s', async (_, files, name) => {
    await expect(read(files)).rejects.toThrow(UnavailableError);
    await expect(read(files)).rejects.toThrow(name);
  });

  it('names the byte at which JSON breaks', async () => {
    const error = await read({ ...gqa(), 'config.json': '{"é": 1,}' }).catch((reason) => reason);
    expect(error.offset).toBe(9);
  });
});
