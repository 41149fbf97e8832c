// Smol-Rewrite and Smol-Summarization: a text that is there already, asked to be concise, friendly,
// professional, or short. Sampling as SmolTalk has it: rewriting at temperature 0.2, top_p 0.95 and 1,024
// tokens, summaries at top_p 0.9 and 256.

import { Rng } from '../../base/rng.ts';
import { seedFor } from '../../base/seed.ts';
import { faultOf } from './magpie.ts';
import type { Message, Writer, Written } from './writer.ts';

export const REWRITES = {
  concise: 'Rewrite the text of the user so that it is shorter and says the same.',
  friendly: 'Rewrite the text of the user so that it is warm and friendly and says the same.',
  professional: 'Rewrite the text of the user so that it is formal and polite and says the same.',
} as const;

export const SUMMARIES = {
  'one sentence': 'Summarise the text of the user in one sentence, as briefly as possible.',
  'three sentences':
    'Summarise the text of the user in at most three sentences, in the third person, without names of ' +
    'those it is sent to.',
} as const;

const KINDS = {
  rewrite: { systems: REWRITES, topP: 0.95, maxTokens: 1024 },
  summarize: { systems: SUMMARIES, topP: 0.9, maxTokens: 256 },
} as const;

/** A text with one of the kind's requests, chosen by the row's number and seed. */
export async function rewriteRow(
  writer: Writer,
  kind: keyof typeof KINDS,
  text: string,
  seed: number,
  row: number,
): Promise<Written> {
  const { systems, topP, maxTokens } = KINDS[kind];
  const rng = Rng.fromSeed(seedFor(seed, kind, `row ${row}`));
  const names = Object.entries(systems);
  const [name, system] = names[Math.floor(rng.next() * names.length)];
  const source = kind === 'summarize' ? withoutNewsFrame(text) : text.trim();
  const asked: Message[] = [
    { role: 'system', content: system },
    { role: 'user', content: source },
  ];
  if (source === '') return { rejected: 'empty_text', messages: asked };
  const options = { temperature: 0.2, topP, maxTokens, seed: rng.nextWord() };
  const answer = await writer.turn(asked, 'assistant', options);
  const content = answer.text.trim();
  const messages: Message[] = [...asked, { role: 'assistant', content }];
  const rejected =
    faultOf(answer.text, answer.isEnded, 'assistant', writer.templateTexts) ??
    (content === source ? 'unchanged' : undefined) ??
    (content.length >= source.length && name !== 'friendly' && name !== 'professional'
      ? 'not_shorter'
      : undefined);
  return rejected ? { rejected, messages } : { messages, labels: { kind: name } };
}

/** News without its place line and without what stands behind the story (CNN/DailyMail). */
export function withoutNewsFrame(text: string): string {
  const place = text.indexOf('-- ');
  const end = text.indexOf(' E-mail to a friend');
  return text.slice(place < 0 ? 0 : place + 3, end < 0 ? undefined : end).trim();
}
