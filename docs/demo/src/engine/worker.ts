// The worker: holds the models (nano always, the 135M once it is brought), answers, and makes the pictures.

import { capabilities, load, loadModel, openCheckpoint, SmolLM2, Tokenizer } from 'smollm2';
import { bits } from './bits.ts';
import { edited } from './edits.ts';
import { nanoFile } from './nano-file.ts';
import { idsOf, makePicture, textOf } from './pictures.ts';
import { type PictureRequest, pictureKey, type Reply, type Request } from './protocol.ts';
import { withReference } from './reference.ts';
import { speed } from './speed.ts';

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<Request>) => void;
  postMessage(reply: Reply): void;
};
const post = (reply: Reply) => scope.postMessage(reply);

const models: { nano?: Promise<SmolLM2>; '135m'?: Promise<SmolLM2> } = {};
let stopping = new AbortController();
let pausing = new AbortController();
let newest = 0;
let last: Promise<unknown> = Promise.resolve();

scope.onmessage = ({ data: request }) => {
  if (request.kind === 'stop') return stopping.abort();
  if (request.kind === 'pause') return pausing.abort();
  if (request.kind === 'warm') {
    // Who waits for a picture has it first. What went wrong is said when a picture is asked for.
    const say = () => last.then(() => post({ kind: 'warm' }));
    void modelOf('nano').then(say, say);
    return;
  }
  if (request.kind === 'bring') {
    void bring(request.source);
    return;
  }
  newest = Math.max(newest, request.generation);
  // Whatever is being answered was for a subject that is gone.
  if (request.kind === 'go') stopping.abort();
  last = last.then(() => (request.kind === 'go' ? go(request) : picture(request)));
};

function modelOf(name: string): Promise<SmolLM2> {
  if (name === '135m' && models['135m']) return models['135m'];
  models.nano ??= loadNano();
  return models.nano;
}

/** Vocabulary and weights go to their places as they arrive. */
async function loadNano(): Promise<SmolLM2> {
  const checkpoint = await openCheckpoint(nanoFile());
  const tokenizer = checkpoint.tokenizer && Tokenizer.from(checkpoint.tokenizer);
  if (!tokenizer) throw new Error(`${checkpoint.name}: expected a tokenizer, got none`);
  return new SmolLM2(await loadModel(checkpoint, { threads: 1 }), tokenizer, undefined);
}

async function picture(request: PictureRequest): Promise<void> {
  const { view, generation, subject, params } = request;
  const key = pictureKey(view, subject, params);
  // Nobody waits for a picture of a generation that is gone.
  if (generation < newest) return;
  try {
    const smol = await modelOf(subject.model);
    const made =
      view === 'bits'
        ? await bits(smol, subject, params)
        : view === 'speed'
          ? await speed(smol, subject)
          : view === 'point' && params.compare
            ? await withReference(smol, subject, params)
            : await makePicture(view, smol, subject, params);
    post({ kind: 'picture', view, generation, key, picture: made });
  } catch (error) {
    post({ kind: 'error', generation, about: 'picture', key, message: (error as Error).message });
  }
}

async function go(request: Extract<Request, { kind: 'go' }>): Promise<void> {
  const { generation, subject, sampling, count, seed } = request;
  stopping = new AbortController();
  try {
    const smol = await modelOf(subject.model);
    const ids = await idsOf(smol, subject);
    const model = edited(smol, subject.edits);
    const run = new SmolLM2(model, smol.tokenizer, smol.template).generate(ids, {
      ...sampling,
      seed,
      maxTokens: count,
      logprobs: 1,
      contextOverflow: 'stop',
      signal: stopping.signal,
    });
    let next = await run.next();
    for (; !next.done; next = await run.next()) {
      const { id, logprob = 0 } = next.value;
      post({ kind: 'token', generation, chance: { id, text: textOf(smol, id), p: Math.exp(logprob) } });
    }
    const { finishReason, usage, timings } = next.value;
    const perSecond = (1000 * usage.completionTokens) / Math.max(timings.generateMs, 1);
    post({ kind: 'done', generation, reason: finishReason, perSecond });
  } catch (error) {
    post({ kind: 'error', generation, about: 'go', message: (error as Error).message });
  }
}

async function bring(source: string | File): Promise<void> {
  pausing = new AbortController();
  let downloaded = 0;
  try {
    const loading = load(source, {
      signal: pausing.signal,
      onDownload: (done, total = 0) => {
        downloaded = done;
        post({ kind: 'progress', phase: 'download', done, total });
      },
      onProgress: (done, total) => post({ kind: 'progress', phase: 'load', done, total }),
    });
    const smol = await loading;
    await (await models['135m'])?.close();
    models['135m'] = Promise.resolve(smol);
    const { threads } = await capabilities();
    post({ kind: 'ready', model: '135m', threads: smol.model.numThreads, why: threads.detail });
  } catch (error) {
    if (pausing.signal.aborted) return post({ kind: 'paused', done: downloaded });
    post({ kind: 'error', about: 'bring', message: (error as Error).message });
  }
}
