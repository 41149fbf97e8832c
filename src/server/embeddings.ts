// POST /v1/embeddings: a vector of length 1 for each text, as numbers or as base64 of little-endian float32.

import { embedIds } from '../score/embed.ts';
import { type Exchange, readBody } from './exchange.ts';
import { LIMITS } from './limits.ts';
import { readPrompts } from './prompts.ts';
import { roomFor } from './question.ts';
import type { Service } from './service.ts';

export async function embeddings(service: Service, exchange: Exchange): Promise<Response> {
  const { smol, options } = service;
  const fields = await readBody(exchange);
  service.checkModel(fields.text('model'));
  const format = fields.oneOf('encoding_format', ['float', 'base64']) ?? 'float';
  const { hiddenSize } = smol.config;
  const dimensions = fields.count('dimensions', 1);
  if (dimensions !== undefined && dimensions !== hiddenSize) {
    throw fields.wrong('dimensions', `${hiddenSize}, the model's`, 'unsupported');
  }
  const inputs = readPrompts(smol, fields, 'input', LIMITS.embeddingInputs);
  for (const ids of inputs) roomFor(service, ids.length, 0);
  const vectors = await embedAll(service, exchange, inputs);
  const numTokens = inputs.reduce((sum, ids) => sum + ids.length, 0);
  return Response.json({
    object: 'list',
    model: options.model,
    data: vectors.map((vector, index) => ({
      object: 'embedding',
      index,
      embedding: format === 'base64' ? base64(vector) : [...vector],
    })),
    usage: { prompt_tokens: numTokens, total_tokens: numTokens },
  });
}

/** The vectors of all inputs, as many at a time as there are places. */
export function embedAll(
  { smol, admission }: Service,
  { client, signal }: Exchange,
  inputs: readonly number[][],
): Promise<Float32Array[]> {
  const tickets = admission.tickets(inputs.length, client, signal);
  return Promise.all(
    tickets.map(async (ticket, i) => {
      try {
        await ticket.admitted;
        return await embedIds(smol.model, inputs[i], signal);
      } finally {
        ticket.leave();
      }
    }),
  );
}

function base64(vector: Float32Array): string {
  const view = new DataView(new ArrayBuffer(vector.length * 4));
  for (const [i, value] of vector.entries()) view.setFloat32(4 * i, value, true);
  return btoa(String.fromCharCode(...new Uint8Array(view.buffer)));
}
