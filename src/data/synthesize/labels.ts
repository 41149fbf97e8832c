// What a judge says of a first question: how hard, how well put, about what. Three requests at temperature
// 0, each answered in JSON of a schema in which free text comes first and the label last, so that it is
// reasoned before it is chosen (SmolTalk's way; 512 tokens).

import type { Rng } from '../../base/rng.ts';
import type { Writer } from './writer.ts';

export const DIFFICULTIES = ['very easy', 'easy', 'medium', 'hard', 'very hard'] as const;
export const QUALITIES = ['very poor', 'poor', 'average', 'good', 'excellent'] as const;
export const TAGS = [
  'Information seeking',
  'Reasoning',
  'Planning',
  'Editing',
  'Coding & Debugging',
  'Math',
  'Data analysis',
  'Creative writing',
  'Role playing',
  'Advice seeking',
  'Brainstorming',
  'Others',
] as const;

interface LabelQuestion {
  readonly name: 'difficulty' | 'quality' | 'tag';
  readonly asks: string;
  readonly before: readonly string[];
  readonly choices: readonly string[];
}

const QUESTIONS: readonly LabelQuestion[] = [
  {
    name: 'difficulty',
    asks: 'Say what the user of this query intends, what knowledge an answer needs, and how difficult it is.',
    before: ['intent', 'knowledge'],
    choices: DIFFICULTIES,
  },
  {
    name: 'quality',
    asks: 'Explain how clear, specific and coherent this query is, then rate its quality.',
    before: ['explanation'],
    choices: QUALITIES,
  },
  {
    name: 'tag',
    asks: 'Say what kind of task this query is.',
    before: ['explanation'],
    choices: TAGS,
  },
];

/** Longest free text in characters, so that the label is always reached. */
const MAX_TEXT = 240;

/** The schema of an answer: texts first, the label last. */
export function labelSchema({ name, before, choices }: LabelQuestion): object {
  const texts = before.map((text) => [text, { type: 'string', minLength: 1, maxLength: MAX_TEXT }] as const);
  return {
    type: 'object',
    properties: { ...Object.fromEntries(texts), [name]: { enum: [...choices] } },
    required: [...before, name],
    additionalProperties: false,
  };
}

/** A label for each question; one that the judge did not answer in form is left out. */
export async function labelled(writer: Writer, query: string, rng: Rng): Promise<Record<string, string>> {
  const labels: Record<string, string> = {};
  for (const question of QUESTIONS) {
    const { name, asks, choices } = question;
    const content = `${asks} Answer in JSON.\n\n## Query\n${query}`;
    const options = { temperature: 0, topP: 1, maxTokens: 512, seed: rng.nextWord() };
    const answer = await writer.json([{ role: 'user', content }], labelSchema(question), options);
    const label = (answer as Record<string, unknown> | undefined)?.[name];
    if (typeof label === 'string' && choices.includes(label)) labels[name] = label;
  }
  return labels;
}
