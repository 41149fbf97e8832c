// Judges software that only gives answers: does it run this model, with its tokenizer and chat template, and
// how exactly? Every answer is replayed through the reference, and where it differs, through programs that are known to
// be right though coarser, and through some that are wrong: what comes near is what it is.

import type { TextMessage } from '../chat/message.ts';
import { type Asked, askAll, rescaled, scaleOf } from './ask.ts';
import { solvedConstant } from './constants.ts';
import { layerOrderFinding } from './layer-order.ts';
import {
  BETTER,
  followsLikelihood,
  growthOf,
  likenessOf,
  MAX_FOLLOWING,
  MAX_GROWTH,
  MAX_SHORT_TOKENS,
  misfit,
  NOISE,
  SURELY_ALIKE,
  sizeOf,
  type VerifyReference,
} from './likeness.ts';
import type { Server } from './openai-probe.ts';
import { type Agreement, type Exchange, type Replay, Replays, replay, summary } from './replay.ts';
import { WRONG_TEMPLATES } from './verify-prompts.ts';

export { type Likeness, NOISE, type VerifyReference } from './likeness.ts';
export type { Agreement } from './replay.ts';

export type Verdict =
  | 'right'
  | 'right-quantised'
  | 'wrong-tokenizer'
  | 'wrong-template'
  | 'wrong-rope-theta'
  | 'wrong-sampling'
  | 'wrong-model'
  | 'cannot-judge';

export interface VerifyReport {
  readonly verdict: Verdict;
  /** One sentence per finding, the most telling first. */
  readonly findings: readonly string[];
  readonly texts: Agreement;
  readonly chats: Agreement;
  /** The limits that decided, in nats of ln p; `alike` is a correlation. */
  readonly thresholds: typeof NOISE;
  /** The coarser program whose differences are most like the server's, and their size, where any was looked at. */
  readonly nearest?: { readonly name: string; readonly likeness: number; readonly rms: number };
}

/**
 * Asks the server everything and says what it is.
 *
 * @param onStep called before each question, for progress
 * @throws UnavailableError when the server answers neither texts nor conversations
 */
export async function verifyServer(
  server: Server,
  reference: VerifyReference,
  onStep?: (done: number, total: number) => void,
): Promise<VerifyReport> {
  const asked = await askAll(server, reference, onStep);
  const { model, tokenizer } = reference;
  const own = new Replays(model, tokenizer);
  const scale = scaleOf(await own.of([...asked.texts, ...asked.chats]));
  const texts = rescaled(asked.texts, scale);
  const chats = rescaled(asked.chats, scale);
  const ofTexts = await own.of(texts);
  const ofChats = await own.of(chats);
  const judged = await judge(reference, own, { ...asked, texts, chats }, ofTexts, ofChats);
  const notes = scale ? [scale.finding, ...asked.notes] : asked.notes;
  return {
    verdict: judged.verdict,
    findings: [...judged.findings, ...notes],
    texts: summary(ofTexts),
    chats: summary(ofChats),
    thresholds: NOISE,
    ...(judged.nearest && { nearest: judged.nearest }),
  };
}

type Judged = Pick<VerifyReport, 'verdict' | 'findings' | 'nearest'>;

async function judge(
  reference: VerifyReference,
  replays: Replays,
  asked: Asked,
  ofTexts: Replay,
  ofChats: Replay,
): Promise<Judged> {
  const { texts, chats, tokenizerFindings } = asked;
  if (ofTexts.numChosen + ofChats.numChosen === 0) {
    return { verdict: 'cannot-judge', findings: ['every answer is empty: nothing can be compared'] };
  }
  const main = texts.length > 0 ? ofTexts : ofChats;
  const isExact = main.numCompared > 0 && main.rms <= NOISE.float32;
  // A count or a tokenizer's door may be wrong by itself: where the numbers agree, the ids did.
  if (tokenizerFindings.length > 0 && !isExact)
    return { verdict: 'wrong-tokenizer', findings: tokenizerFindings };
  const bos = isExact ? undefined : await prefixFinding(reference, texts, replays);
  if (bos) return { verdict: 'wrong-tokenizer', findings: [bos] };
  const ofModel = await judgeModel(reference, texts.length > 0 ? texts : chats, main, replays);
  const hasOnlyWords = main.numCompared === 0 && ofModel.verdict === 'cannot-judge';
  if (!ofModel.verdict.startsWith('right') && !hasOnlyWords) return ofModel;
  const template = texts.length > 0 ? await templateFindings(reference, chats, ofTexts, ofChats) : [];
  if (template.length > 0) return { verdict: 'wrong-template', findings: template };
  return ofModel;
}

/** A token in front shows most in the shortest texts: so many are looked at first. */
const FIRST_TEXTS = 3;

/** A token before every text that the server does not count. */
async function prefixFinding(
  { model, tokenizer }: VerifyReference,
  texts: readonly Exchange[],
  own: Replays,
): Promise<string | undefined> {
  const { bosId, eosIds } = model.config;
  const short = texts
    .filter(({ ids, answer }) => ids.length <= MAX_SHORT_TOKENS && answer.tokens)
    .sort((a, b) => a.ids.length - b.ids.length);
  if (short.length === 0) return undefined;
  for (const id of new Set([bosId ?? 1, 0, ...eosIds])) {
    const behind = new Replays(model, tokenizer);
    const longer = short.map(({ ids, answer }) => ({ ids: [id, ...ids], answer }));
    const fits = async (count: number) =>
      (await behind.of(longer.slice(0, count))).rms < BETTER * (await own.of(short.slice(0, count))).rms;
    if ((await fits(FIRST_TEXTS)) && (await fits(short.length))) {
      const token = JSON.stringify(tokenizer.decode([id]));
      const size = sizeOf(await behind.of(longer));
      return `texts are read behind a token ${token} (id ${id}) that this model does not put there: ${size}`;
    }
  }
  return undefined;
}

/** A choice this far under the best token was not made by the greatest log-probability. */
const NOT_GREEDY = 0.5;

/** Coarse programs are looked at before constants up to this, nats of ln p: larger differences are none of theirs. */
const MAX_COARSE = 0.5;

/** A server's differences are those of a coarser program where they are at most so many times as large. */
export const MAX_TIMES = 2;

async function judgeModel(
  reference: VerifyReference,
  exchanges: readonly Exchange[],
  own: Replay,
  replays: Replays,
): Promise<Judged> {
  if (own.numCompared === 0) return judgeChoices(reference, exchanges, own, replays);
  const isCoarse = own.rms > NOISE.sixteenBit && own.rms < MAX_COARSE;
  let coarse = isCoarse ? await likenessOf(reference, exchanges, replays) : undefined;
  // What is left for a constant could not explain as much as is needed to name it.
  if (coarse && coarse.likeness >= SURELY_ALIKE && own.rms < MAX_TIMES * coarse.rms)
    return quantised(exchanges, own, coarse);
  const solved = own.rms > NOISE.float32 ? await solvedConstant(reference, exchanges, replays) : undefined;
  if (solved) return { verdict: solved.verdict, findings: [solved.finding], ...nearestOf(coarse) };
  if (own.rms <= NOISE.sixteenBit) {
    const growth = growthOf(own);
    if (growth > MAX_GROWTH) {
      const times = `${growth.toFixed(1)} times`;
      const finding = `differences grow with the length of the text (${times}): positions are not right`;
      return { verdict: 'wrong-model', findings: [finding, sizeOf(own)] };
    }
    const following = own.rms > NOISE.float32 ? followsLikelihood(own) : 0;
    if (Math.abs(following) > MAX_FOLLOWING) {
      const finding =
        `${sizeOf(own)}, and the differences follow ln p itself (correlation ${following.toFixed(2)}, at most ` +
        `${MAX_FOLLOWING} by rounding): look for a temperature, a cap or a scale of the logits`;
      return { verdict: 'cannot-judge', findings: [finding] };
    }
    if (own.worstMargin > NOT_GREEDY) return judgeMargin(own);
    return { verdict: 'right', findings: [rightSentence(own)] };
  }
  coarse ??= await likenessOf(reference, exchanges, replays);
  if (coarse && coarse.likeness >= NOISE.alike && own.rms < MAX_TIMES * coarse.rms)
    return quantised(exchanges, own, coarse);
  const largest = coarse?.largest ?? 0;
  if (own.rms > Math.max(1, MAX_TIMES * largest)) {
    const finding = `other weights or another network: ${sizeOf(own)}`;
    return { verdict: 'wrong-model', findings: [finding], ...nearestOf(coarse) };
  }
  const sampled = judgeSampling(exchanges, own);
  if (sampled) return { ...sampled, ...nearestOf(coarse) };
  const order = await layerOrderFinding(reference, exchanges, replays);
  if (order) return { verdict: 'wrong-model', findings: [order], ...nearestOf(coarse) };
  const alike = coarse ? `; nearest is ${coarse.name}, correlation ${coarse.likeness.toFixed(2)}` : '';
  return {
    verdict: 'cannot-judge',
    findings: [
      `${sizeOf(own)}: as much as quantised weights make, but not in the way of any that was tried${alike}; ` +
        'serve the file itself (the type that --model has), or compare its logits with verify --logits',
    ],
    ...nearestOf(coarse),
  };
}

function nearestOf(coarse: VerifyReport['nearest']): Pick<Judged, 'nearest'> | undefined {
  return coarse && { nearest: { name: coarse.name, likeness: coarse.likeness, rms: coarse.rms } };
}

function quantised(
  exchanges: readonly Exchange[],
  own: Replay,
  coarse: NonNullable<VerifyReport['nearest']>,
): Judged {
  const { name, likeness } = coarse;
  const sampled = judgeSampling(exchanges, own);
  if (sampled) return sampled;
  const finding =
    `the right model with ${name}: ${sizeOf(own)}, alike to what ${name} makes ` +
    `(correlation ${likeness.toFixed(2)}, needed ${NOISE.alike})`;
  return { verdict: 'right-quantised', findings: [finding], ...nearestOf(coarse) };
}

/** A chosen token far behind the best by the server's own numbers. */
function judgeSampling(exchanges: readonly Exchange[], own: Replay): Judged | undefined {
  const tokens = exchanges.flatMap(({ answer }) => answer.tokens ?? []);
  const behind = Math.max(
    0,
    ...tokens.flatMap(({ logprob, top }) => top.map((other) => other.logprob - logprob)),
  );
  if (behind <= NOT_GREEDY) return undefined;
  return { verdict: 'wrong-sampling', findings: [samplingFinding(behind), sizeOf(own)] };
}

function samplingFinding(behind: number): string {
  return `it does not choose the likeliest token at temperature 0: one was ${behind.toFixed(1)} nats behind`;
}

/** A token far under the best: chosen against the server's own numbers, or by numbers that are wrong there. */
function judgeMargin(own: Replay): Judged {
  const behind = `${own.worstMargin.toFixed(1)} nats behind`;
  if (own.worstOff < own.worstMargin / 2) {
    return { verdict: 'wrong-sampling', findings: [samplingFinding(own.worstMargin)] };
  }
  const finding =
    `one chosen token is ${behind} and its ln p off by ${own.worstOff.toFixed(1)}, though most agree: ` +
    'look at what differs in decode, positions and the cache above all';
  return { verdict: 'wrong-model', findings: [finding, sizeOf(own)] };
}

/** Quantised noise flips choices, but only between tokens that are nearly as likely. */
const NEAR_TIE = 0.75;

/** Words of texts as long as this show what short ones do not: wrong rotations above all. */
const LONG_TEXT = 500;

/**
 * Text alone. Words are right only where each is the reference's own, in long texts too: quantised weights flip some,
 * and so do small faults, which cannot be told from them without numbers.
 */
async function judgeChoices(
  reference: VerifyReference,
  exchanges: readonly Exchange[],
  own: Replay,
  replays: Replays,
): Promise<Judged> {
  const { numGreedy, numChosen, worstMargin } = own;
  const size = `${numGreedy} of its ${numChosen} greedy tokens are ours`;
  if (numGreedy === numChosen && exchanges.some(({ ids }) => ids.length > LONG_TEXT)) {
    const finding =
      `the server gives no log-probabilities; ${size}: the right model as far as words show, ` +
      'how exact cannot be said';
    return { verdict: 'right-quantised', findings: [finding] };
  }
  const solved = numGreedy < numChosen ? await solvedConstant(reference, exchanges, replays) : undefined;
  if (solved && looksWrong(own)) return { verdict: solved.verdict, findings: [solved.finding] };
  const others = numGreedy < numChosen ? `, another loses by ${worstMargin.toFixed(2)} nats` : '';
  if (worstMargin > 3 * NEAR_TIE) {
    return {
      verdict: 'wrong-model',
      findings: [`other weights or another network: ${size}${others}`],
    };
  }
  const finding =
    `the server gives no log-probabilities, and ${size}${others}: so may a quantised model answer, and so may one ` +
    'that is a little wrong; ask for logprobs';
  return { verdict: 'cannot-judge', findings: solved ? [finding, `nearest: ${solved.finding}`] : [finding] };
}

function looksWrong({ numChosen, numGreedy, worstMargin }: Agreement): boolean {
  return numChosen === 0 || numGreedy < 0.8 * numChosen || worstMargin > NEAR_TIE;
}

function rightSentence(of: Agreement): string {
  const size = `ln p differs by ${of.rms.toExponential(1)} (root mean square of ${of.numCompared} values)`;
  if (of.rms <= NOISE.float32)
    return `the right model in float32 arithmetic: ${size}, limit ${NOISE.float32}`;
  return `the right model with 16-bit weights or activations: ${size}, limit ${NOISE.sixteenBit}`;
}

/** Whether conversations are rendered as the model's template does, and if not, how. */
async function templateFindings(
  reference: VerifyReference,
  chats: readonly (Exchange & { messages: readonly TextMessage[] })[],
  ofTexts: Agreement,
  ofChats: Agreement,
): Promise<string[]> {
  const counted = chats.filter(({ answer }) => answer.promptTokens !== undefined);
  const otherCount = counted.find(({ answer, ids }) => answer.promptTokens !== ids.length);
  const isNoisier =
    ofChats.numCompared > 0
      ? ofChats.rms > Math.max(2 * ofTexts.rms, NOISE.sixteenBit) && ofChats.rms > 0.375
      : looksWrong(ofChats);
  // A server may count a token more or less; the answers decide, and the count only where they say nothing.
  if (!isNoisier && !(otherCount && ofChats.numCompared === 0)) return [];
  const fitting = await fittingTemplate(reference, chats, ofChats);
  // Words alone differ for many reasons: without a count or a template that fits, this is not known to be one.
  if (!fitting && !otherCount && ofChats.numCompared === 0) return [];
  const findings = otherCount
    ? [
        `the conversation "${otherCount.messages.at(-1)?.content}" has ${otherCount.answer.promptTokens} tokens ` +
          `there and ${otherCount.ids.length} by the model's template`,
      ]
    : [];
  findings.push(
    ofChats.numCompared > 0
      ? `answers to conversations differ by ${ofChats.rms.toFixed(2)} in ln p, plain texts by ${ofTexts.rms.toFixed(2)}`
      : `${ofChats.numGreedy} of ${ofChats.numChosen} tokens of its answers are the reference's`,
  );
  return fitting ? [`the template seems to be: ${fitting}`, ...findings] : findings;
}

async function fittingTemplate(
  { model, tokenizer }: VerifyReference,
  chats: readonly (Exchange & { messages: readonly TextMessage[] })[],
  own: Agreement,
): Promise<string | undefined> {
  let best: { name: string; score: number; fits: boolean } | undefined;
  for (const [name, render] of Object.entries(WRONG_TEMPLATES)) {
    const rendered = chats.map(({ messages, answer }) => ({
      ids: tokenizer.encode(render(messages), { addBos: false }),
      answer,
    }));
    const found = await replay(model, tokenizer, rendered);
    const score = misfit(found);
    // Words must all fit: numbers say more.
    const fits = found.numCompared > 0 || found.numGreedy === found.numChosen;
    if (score < (best?.score ?? misfit(own))) best = { name, score, fits };
  }
  return best?.fits && best.score < BETTER * misfit(own) ? best.name : undefined;
}
