// How a server is set up and how busy it is, for those who watch it; loaded when somebody asks.

import type { Service } from './service.ts';

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

/** GET /slots: which places are taken and how far their answers are; what they say only where `showPrompts` is set. */
export function slots({ options, places, smol }: Service): Response {
  const slot = (id: number) => {
    const place = places.at(id);
    return {
      id,
      n_ctx: smol.model.maxSeqLen,
      is_processing: place !== undefined,
      ...(place && { n_past: place.timeline.cache.length, next_token: { n_decoded: place.numDrawn } }),
      ...(place && options.showPrompts && { prompt: smol.tokenizer.decode(place.promptIds) }),
    };
  };
  return Response.json(Array.from({ length: options.parallel }, (_, id) => slot(id)));
}

/** GET /metrics */
export function metrics(service: Service): Response {
  const { places, options, smol, cacheBytes } = service;
  const positionsUsed = places.positions / (options.parallel * smol.model.maxSeqLen);
  return new Response(service.metrics.text({ positionsUsed, cacheBytes }), {
    headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' },
  });
}
