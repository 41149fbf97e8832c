// Points for texts from a judge behind any OpenAI-compatible address. An answer is kept under the hash of
// model, prompt and text, so a run that was stopped goes on, and the same text is paid for once.

import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { UnavailableError } from '../../base/errors.ts';
import { judgedScore } from '../../data/score/judge.ts';
import type { Post } from './endpoint-writer.ts';

export interface Judge {
  readonly model: string;
  /** `{text}` stands where the text goes. */
  readonly prompt: string;
  readonly post: Post;
  /** Most points there are. */
  readonly most: number;
  /** One answer a line; none keeps nothing. */
  readonly cachePath?: string;
}

export interface Judgement {
  /** Null where the answer names no points, or several. */
  readonly score: number | null;
  readonly answer: string;
  readonly isCached: boolean;
}

/** Units of a text that the judge reads: FineWeb-Edu's judge read that many characters. */
export const MAX_JUDGED = 10_000;
const ANSWER_TOKENS = 512;

/** A function that judges one text after the other. */
export function openJudge({
  model,
  prompt,
  post,
  most,
  cachePath,
}: Judge): (text: string) => Promise<Judgement> {
  const known = new Map<string, string>();
  if (cachePath && existsSync(cachePath)) remember(readFileSync(cachePath, 'utf8'), known);
  return async (text) => {
    const content = prompt.replace('{text}', () => text.slice(0, MAX_JUDGED));
    const key = createHash('sha256')
      .update(JSON.stringify([model, content]))
      .digest('hex');
    const cached = known.get(key);
    if (cached !== undefined) return { score: judgedScore(cached, most), answer: cached, isCached: true };
    const messages = [{ role: 'user', content }];
    const reply = await post('/chat/completions', {
      model,
      messages,
      temperature: 0,
      max_tokens: ANSWER_TOKENS,
    });
    const answer = answerOf(reply);
    known.set(key, answer);
    if (cachePath) appendFileSync(cachePath, `${JSON.stringify({ key, answer })}\n`);
    return { score: judgedScore(answer, most), answer, isCached: false };
  };
}

function answerOf(reply: unknown): string {
  const [choice] = (reply as { choices?: { message?: { content?: unknown } }[] } | null)?.choices ?? [];
  const content = choice?.message?.content;
  if (typeof content === 'string') return content;
  throw new UnavailableError('judge: expected choices with a message in the answer, got none');
}

/** A line that a kill cut off is asked for again. */
function remember(text: string, known: Map<string, string>): void {
  for (const line of text.split('\n')) {
    try {
      const { key, answer } = JSON.parse(line) as { key?: unknown; answer?: unknown };
      if (typeof key === 'string' && typeof answer === 'string') known.set(key, answer);
    } catch {}
  }
}
