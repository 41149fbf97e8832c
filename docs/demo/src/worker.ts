// The explorer's worker: holds the model, answers, and runs the traced passes that the pictures are drawn from.

import { capabilities, load, type Model, SmolLM2 } from 'smollm2';
import {
  type ActivationCache,
  attentionMap,
  logitLens,
  rowNorms,
  runForAttention,
  runWithCache,
  streamPoints,
} from 'smollm2/inspect';
import type { Answer, Head, Request } from './protocol.ts';

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<Request>) => void;
  postMessage(answer: Answer): void;
};
const post = (answer: Answer) => scope.postMessage(answer);

let smol: SmolLM2 | undefined;
let stopping = new AbortController();
/** The pass that attention maps were last drawn from. */
let watched: ActivationCache | undefined;
let last: Promise<unknown> = Promise.resolve();

scope.onmessage = ({ data: request }) => {
  if (request.kind === 'stop') {
    stopping.abort();
    return;
  }
  last = last
    .then(() => answer(request))
    .catch((error: Error) => {
      post({ kind: 'error', name: error.name, message: error.message });
    });
};

function loaded(): SmolLM2 {
  if (smol) return smol;
  throw new Error('model: expected a loaded one; load it first');
}

async function answer(request: Request): Promise<void> {
  switch (request.kind) {
    case 'load':
      await start(request.source);
      return;
    case 'ask':
      await ask(request);
      return;
    case 'attention':
      await attention(request.ids, request.layer);
      return;
    case 'lens':
      await lens(request.ids, request.position);
      return;
    case 'norms':
      await norms(request.ids);
      return;
  }
}

async function start(source: string | File): Promise<void> {
  await smol?.close();
  const startedAt = performance.now();
  const report = (phase: 'downloading' | 'loading') => (done: number, total?: number) =>
    post({ kind: 'progress', phase, share: total ? done / total : 0 });
  smol = await load(source, { onDownload: report('downloading'), onProgress: report('loading') });
  const { threads } = await capabilities();
  const { config, model } = smol;
  const numThreads = 'numThreads' in model ? Number(model.numThreads) : 1;
  const loadMs = performance.now() - startedAt;
  post({ kind: 'loaded', config, threads: numThreads, why: threads.detail, loadMs });
}

async function ask({ messages, begin, options }: Extract<Request, { kind: 'ask' }>): Promise<void> {
  const { model, tokenizer, template, config } = loaded();
  const { switchedOff, ...sampling } = options;
  stopping = new AbortController();
  const prompt = template
    ? await template.render(messages, { addGenerationPrompt: true })
    : messages.map(({ content }) => content).join('\n');
  const asked = tokenizer.encode(prompt, { addBos: template ? false : undefined });
  post({ kind: 'prompt', ids: asked, texts: asked.map((id) => tokenizer.decode([id])) });
  const promptIds = [...asked, ...begin];
  const watchedModel = switchedOff.length > 0 ? without(model, switchedOff) : model;
  const run = new SmolLM2(watchedModel, tokenizer, template).generate(promptIds, {
    ...sampling,
    logprobs: 6,
    contextOverflow: 'stop',
    signal: stopping.signal,
  });
  const bytesPerPosition = 2 * config.numLayers * config.numKvHeads * config.headDim * 4;
  let next = await run.next();
  for (let count = promptIds.length; !next.done; next = await run.next(), count++) {
    const { id, text, logprob = 0, topLogprobs = [], ms } = next.value;
    const alternatives = topLogprobs.map((top) => ({
      id: top.id,
      text: tokenizer.decode([top.id]),
      probability: Math.exp(top.logprob),
    }));
    const token = { id, text, probability: Math.exp(logprob), alternatives, ms };
    post({ kind: 'token', token, cacheBytes: count * bytesPerPosition, memoryBytes: memoryOf(model) });
  }
  const { finishReason, usage, timings } = next.value;
  const tokensPerSecond = (1000 * usage.completionTokens) / Math.max(timings.generateMs, 1);
  post({ kind: 'done', reason: finishReason, tokensPerSecond, promptMs: timings.promptMs });
}

/** The same model with some heads' outputs set to zero in every pass. */
function without(model: Model, heads: readonly Head[]): Model {
  const { headDim } = model.config;
  const points = [...new Set(heads.map(({ layer }) => `model.layers.${layer}.self_attn.attn_out`))];
  const trace: Parameters<Model['forward']>[2] = {
    points,
    trace: (name, value, [numRows]) => {
      const values = model.read(value);
      const size = values.length / numRows;
      for (const { head } of heads.filter(({ layer }) => name.startsWith(`model.layers.${layer}.`))) {
        for (let t = 0; t < numRows; t++) {
          values.fill(0, t * size + head * headDim, t * size + (head + 1) * headDim);
        }
      }
      model.write(value, values);
    },
  };
  return Object.assign(Object.create(model) as Model, {
    forward: ((ids, cache, options) =>
      model.forward(ids, cache, { ...options, ...trace })) as Model['forward'],
    // An answer asks for rows; one sequence at a time can be traced.
    run: (async (entries, options) => {
      const all = [];
      for (const { ids, cache, rows = 1 } of entries) {
        const logits = await model.forward(ids, cache, {
          ...options,
          ...trace,
          logits: rows > 1 ? 'all' : 'last',
        });
        const { vocabSize } = model.config;
        const first = logits.length / vocabSize - rows;
        all.push(
          Array.from({ length: rows }, (_, row) =>
            logits.slice((first + row) * vocabSize, (first + row + 1) * vocabSize),
          ),
        );
      }
      return all;
    }) as Model['run'],
  });
}

function memoryOf(model: Model): number {
  const { engine } = model as unknown as { engine?: { linearMemory?: WebAssembly.Memory } };
  return engine?.linearMemory?.buffer.byteLength ?? 0;
}

async function attention(ids: readonly number[], layer: number): Promise<void> {
  const { model, config } = loaded();
  if (watched?.ids.join() !== ids.join()) watched = await runForAttention(model, ids);
  const pass = watched;
  const maps = Array.from({ length: config.numHeads }, (_, head) =>
    Float32Array.from(attentionMap(pass, { layer, head })),
  );
  post({ kind: 'attention', layer, maps, size: ids.length });
}

async function lens(ids: readonly number[], position: number): Promise<void> {
  const { model, tokenizer } = loaded();
  const rows = await logitLens(model, ids, { position, top: 4 });
  const cells = rows.flatMap(({ layer, top }) =>
    top.map(({ id, logprob }, rank) => ({
      layer,
      rank,
      text: tokenizer.decode([id]),
      probability: Math.exp(logprob),
    })),
  );
  post({ kind: 'lens', position, cells });
}

async function norms(ids: readonly number[]): Promise<void> {
  const { model, config } = loaded();
  const names = streamPoints(config.numLayers);
  const cache = await runWithCache(model, ids, names);
  const list = names.flatMap((name, n) =>
    Array.from(rowNorms(cache, name), (norm, position) => ({ layer: n, position, norm })),
  );
  post({ kind: 'norms', norms: list });
}
