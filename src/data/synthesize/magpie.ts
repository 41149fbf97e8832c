// MagPie (Xu et al. 2024) as SmolTalk used it: the template is written up to an opened user turn, and an
// instructed model goes on with what a user would ask, until it ends the turn. Then it answers; three turns
// of each. The system message says what kind of user it is; it is not part of the row.

import { Rng } from '../../base/rng.ts';
import { seedFor } from '../../base/seed.ts';
import { labelled } from './labels.ts';
import type { Message, TurnOptions, Writer, Written } from './writer.ts';

/** A kind of conversation: its share of all, what the model is, and what its users send. */
export interface Category {
  readonly name: string;
  readonly weight: number;
  readonly system: string;
}

/** The shares of SmolTalk's eleven kinds (smollm, text/data/smoltalk/magpie_ultra_v1); they add up to 1. */
const SHARES: Readonly<Record<string, readonly [weight: number, role: string, sent: string]>> = {
  'information-seeking': [
    0.05,
    'gives correct and concise information',
    'questions about facts, terms and how things work',
  ],
  reasoning: [
    0.125,
    'reasons step by step',
    'puzzles, logical questions and problems that need several steps',
  ],
  planning: [0.05, 'helps to make plans', 'goals and projects that they want to organise'],
  editing: [0.1, 'edits texts', 'texts of their own to be corrected, shortened or made clearer'],
  coding: [
    0.125,
    'helps with programming',
    'programming questions, programs with faults, and functions to write',
  ],
  math: [
    0.125,
    'solves mathematical problems',
    'problems of arithmetic, algebra, geometry and word problems',
  ],
  'role-playing': [0.1, 'plays roles', 'a character or situation that they want to play, with its setting'],
  'data-analysis': [0.125, 'analyses data', 'tables, figures and questions about what they mean'],
  'creative-writing': [0.1, 'writes stories and poems', 'ideas for a story, a poem or a scene'],
  'advice-seeking': [0.05, 'gives considered advice', 'situations of their lives in which they want advice'],
  brainstorming: [0.05, 'finds ideas', 'topics for which they want many different ideas'],
};

/**
 * Role, form of the conversation, what users send, and what matters: the four parts of SmolTalk's prompts.
 */
export const CATEGORIES: readonly Category[] = Object.entries(SHARES).map(([name, [weight, role, sent]]) => ({
  name,
  weight,
  system:
    `You are an AI assistant that ${role}. This is a conversation of several rounds with one user. ` +
    `Users write short messages; typically they send ${sent}, with everything that is needed to answer.\n` +
    'Important: write concise prose, without headings, bold text or lists unless the user asks for them.',
}));

export const MAGPIE_TURNS = 3;
const SAMPLING = { temperature: 0.8, topP: 1, maxTokens: 1024, avoidsMarkdown: true };
/** Of users' turns: small models were hardly trained on them, and fall into loops that no end follows. */
const USER_PENALTY = 0.3;

export interface MagpieOptions {
  readonly turns?: number;
  /** Longest turn in tokens. */
  readonly maxTokens?: number;
  readonly withLabels?: boolean;
}

/** The category of row `row`: drawn by weight, from the seed alone. */
export function categoryOf(seed: number, row: number): Category {
  let left = Rng.fromSeed(seedFor(seed, 'magpie', `row ${row}`)).next();
  for (const category of CATEGORIES) {
    left -= category.weight;
    if (left < 0) return category;
  }
  return CATEGORIES[CATEGORIES.length - 1];
}

/** Row `row` of a run: the same for the same writer and seed, whichever others there are. */
export async function magpieRow(
  writer: Writer,
  seed: number,
  row: number,
  { turns = MAGPIE_TURNS, maxTokens = SAMPLING.maxTokens, withLabels = false }: MagpieOptions = {},
): Promise<Written> {
  const category = categoryOf(seed, row);
  const rng = Rng.fromSeed(seedFor(seed, 'magpie', `turns of ${row}`));
  const system: Message = { role: 'system', content: category.system };
  const messages: Message[] = [];
  for (let turn = 0; turn < 2 * turns; turn++) {
    const role = turn % 2 === 0 ? 'user' : 'assistant';
    const frequencyPenalty = role === 'user' ? USER_PENALTY : 0;
    const options: TurnOptions = { ...SAMPLING, frequencyPenalty, maxTokens, seed: rng.nextWord() };
    const { text, isEnded } = await writer.turn([system, ...messages], role, options);
    const rejected = faultOf(text, isEnded, role, writer.templateTexts);
    if (rejected) return { rejected, messages: [...messages, { role, content: text }] };
    messages.push({ role, content: text.trim() });
  }
  const labels = withLabels ? await labelled(writer, messages[0].content, rng) : {};
  return { messages, labels: { category: category.name, ...labels } };
}

/** Why a turn is no message: `user_not_ended`, `assistant_not_ended`, `empty_turn`, `template_litter`. */
export function faultOf(
  text: string,
  isEnded: boolean,
  role: 'user' | 'assistant',
  templateTexts: readonly string[],
): string | undefined {
  if (!isEnded) return `${role}_not_ended`;
  if (text.trim() === '') return 'empty_turn';
  return hasLitter(text, templateTexts) ? 'template_litter' : undefined;
}

/** Special tokens spelled out, or a line that opens another turn. */
export function hasLitter(text: string, templateTexts: readonly string[]): boolean {
  if (templateTexts.some((special) => special !== '' && text.includes(special))) return true;
  return /^\s*(?:system|user|assistant)\s*$/im.test(text) || /^(?:user|assistant|human|system):/im.test(text);
}
