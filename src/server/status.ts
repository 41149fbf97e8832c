// What a server says of itself: whether it can serve, what it serves, how it is set up, how busy it is.

import { numParameters } from '../config.ts';
import { modelNotFound, type Service } from './service.ts';

/** GET /health: 200 once a request would be answered. */
export function health({ state }: Service): Response {
  if (state === 'ok') return Response.json({ status: 'ok' });
  const message = state === 'loading' ? 'Loading model' : `Server is ${state}`;
  const error = { message, type: 'unavailable_error', param: null, code: state };
  return Response.json({ status: state, error }, { status: 503, headers: { 'retry-after': '1' } });
}

function modelEntry({ options, smol, created }: Service, id = options.model): object {
  const { config, model, tokenizer } = smol;
  return {
    id,
    object: 'model',
    created,
    owned_by: 'smollm2',
    max_model_len: model.maxSeqLen,
    meta: {
      n_vocab: tokenizer.vocabSize,
      n_ctx: model.maxSeqLen,
      n_ctx_train: config.maxSeqLen,
      n_embd: config.hiddenSize,
      n_params: numParameters(config),
    },
  };
}

/** GET /v1/models */
export function models(service: Service): Response {
  const { model, aliases } = service.options;
  return Response.json({ object: 'list', data: [model, ...aliases].map((id) => modelEntry(service, id)) });
}

/** GET /v1/models/{id}; ids may contain `/` and `:`. */
export function modelById(service: Service, encoded: string): Response {
  const id = decoded(encoded);
  const { model, aliases } = service.options;
  if (![model, ...aliases].includes(id)) throw modelNotFound(id, model);
  return Response.json(modelEntry(service, id));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** GET /props, as llama.cpp's server has it. */
export function props({ options, smol, fingerprint }: Service): Response {
  const { model, template, tokenizer } = smol;
  const text = (id: number | undefined) => (id === undefined ? null : tokenizer.tokenText(id));
  return Response.json({
    default_generation_settings: {
      n_ctx: model.maxSeqLen,
      params: { temperature: options.temperature, top_p: options.topP, n_predict: options.maxTokens ?? -1 },
    },
    total_slots: options.parallel,
    model_alias: options.model,
    chat_template: template?.source ?? '',
    bos_token: text(tokenizer.bosId),
    eos_token: text(tokenizer.eosIds[0]),
    modalities: { vision: false, audio: false },
    system_fingerprint: fingerprint,
    engine: { name: model.engineName, arithmetic: model.arithmetic, threads: model.numThreads },
  });
}

/** GET /slots: how many answers run, without what they say. */
export function slots({ admission, options, smol }: Service): Response {
  const slot = (id: number) => ({
    id,
    n_ctx: smol.model.maxSeqLen,
    is_processing: id < admission.running,
  });
  return Response.json(Array.from({ length: options.parallel }, (_, id) => slot(id)));
}

/** GET /metrics */
export function metrics(service: Service): Response {
  return new Response(service.metrics.text(), {
    headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' },
  });
}
