// What a server says of itself: whether it can serve, and what. How it is set up and how busy it is: figures.ts.

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
