// Counters, gauges and histograms of a server. Names are those of vLLM and of llama.cpp's server where these have one,
// since dashboards know them.

import type { ComputedPass } from '../model/model.ts';
import type { Admission } from './admission.ts';
import { Histogram, PrometheusText } from './prometheus.ts';

/** Of masks, which take microseconds. */
const SHORT_SECONDS = [1e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 1e-2, 0.1, 1];
const ROWS = [1, 2, 4, 8, 16, 32, 64, 128];

/** What is told of one answer when it has ended. */
export interface AnswerCount {
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly completionTokens: number;
  readonly reason: 'stop' | 'length' | 'abort';
  /** Why it was given up, in a word of ours. */
  readonly why?: string;
  readonly promptMs: number;
  readonly generateMs: number;
}

/** What is not counted but looked at when somebody asks. */
export interface Gauges {
  /** Share of all places' positions that are in use. */
  readonly positionsUsed: number;
  /** Bytes of keys and values: of all caches, and of those that are kept for prompts to come. */
  readonly cacheBytes: { readonly all: number; readonly kept: number };
}

export class Metrics {
  readonly promptTokens = { total: 0, cached: 0, seconds: 0 };
  readonly generated = { total: 0, seconds: 0 };
  private readonly finished = { stop: 0, length: 0, abort: 0 };
  private readonly aborted = new Map<string, number>();
  private readonly rejected = new Map<number, number>();
  private readonly firstToken = new Histogram();
  private readonly betweenTokens = new Histogram();
  private readonly wholeRequest = new Histogram();
  private readonly compile = new Histogram();
  private readonly mask = new Histogram(SHORT_SECONDS);
  private readonly pass = new Histogram();
  private readonly batchRows = new Histogram(ROWS);
  private readonly answersAPass = { passes: 0, rows: 0 };
  private longest = 0;
  private readonly admission: Admission;

  constructor(admission: Admission) {
    this.admission = admission;
  }

  countAnswer(answer: AnswerCount): void {
    this.promptTokens.total += answer.promptTokens;
    this.promptTokens.cached += answer.cachedTokens;
    this.promptTokens.seconds += answer.promptMs / 1000;
    this.generated.total += answer.completionTokens;
    this.generated.seconds += answer.generateMs / 1000;
    this.finished[answer.reason]++;
    if (answer.why !== undefined) increment(this.aborted, answer.why);
    this.longest = Math.max(this.longest, answer.promptTokens + answer.completionTokens);
  }

  countFirstToken(ms: number): void {
    this.firstToken.add(ms / 1000);
  }

  countGap(ms: number): void {
    this.betweenTokens.add(ms / 1000);
  }

  countRequest(ms: number): void {
    this.wholeRequest.add(ms / 1000);
  }

  countCompile(ms: number): void {
    this.compile.add(ms / 1000);
  }

  countMask(ms: number): void {
    this.mask.add(ms / 1000);
  }

  countPass({ answerRows, promptRows, ms }: ComputedPass): void {
    this.pass.add(ms / 1000);
    this.batchRows.add(answerRows + promptRows);
    if (answerRows === 0) return;
    this.answersAPass.passes++;
    this.answersAPass.rows += answerRows;
  }

  countRejected(status: number): void {
    increment(this.rejected, status);
  }

  text(gauges: Gauges): string {
    const out = new PrometheusText();
    for (const at of ['vllm:', 'smollm2_']) this.writeShared(out, at);
    out.gauge(
      'vllm:kv_cache_usage_perc',
      'Share of all places that is filled, 0 to 1.',
      gauges.positionsUsed,
    );
    this.writeLlama(out);
    this.writeOurs(out, gauges);
    return out.toString();
  }

  /** What vLLM has, under its names and ours. */
  private writeShared(out: PrometheusText, at: string): void {
    const { admission, promptTokens, generated, finished } = this;
    out.gauge(`${at}num_requests_running`, 'Answers that are computed.', admission.running);
    out.gauge(`${at}num_requests_waiting`, 'Answers that wait.', admission.waiting);
    out.counter(`${at}prompt_tokens_total`, 'Ids of prompts.', promptTokens.total);
    out.counter(`${at}generation_tokens_total`, 'Ids of answers.', generated.total);
    out.counter(`${at}prefix_cache_queries_total`, 'Prompt ids looked up.', promptTokens.total);
    out.counter(`${at}prefix_cache_hits_total`, 'Prompt ids found in a cache.', promptTokens.cached);
    const reasons = Object.entries(finished);
    out.counters(`${at}request_success_total`, 'Answers that ended.', 'finished_reason', reasons);
    out.histogram(`${at}time_to_first_token_seconds`, 'Until the first token.', this.firstToken);
    out.histogram(`${at}inter_token_latency_seconds`, 'Between two tokens of an answer.', this.betweenTokens);
    out.histogram(`${at}e2e_request_latency_seconds`, 'From the request to its end.', this.wholeRequest);
  }

  private writeLlama(out: PrometheusText): void {
    const { admission, promptTokens, generated, answersAPass } = this;
    const at = 'llamacpp:';
    out.counter(`${at}prompt_tokens_total`, 'Ids of prompts.', promptTokens.total);
    out.counter(`${at}prompt_tokens_cached_total`, 'Of those, in a cache.', promptTokens.cached);
    out.counter(`${at}prompt_seconds_total`, 'Time for prompts.', promptTokens.seconds);
    out.counter(`${at}tokens_predicted_total`, 'Ids of answers.', generated.total);
    out.counter(`${at}tokens_predicted_seconds_total`, 'Time for answers.', generated.seconds);
    out.counter(`${at}n_decode_total`, 'Passes.', this.pass.count);
    out.gauge(
      `${at}n_busy_slots_per_decode`,
      'Answers a pass.',
      ratio(answersAPass.rows, answersAPass.passes),
    );
    out.gauge(`${at}n_tokens_max`, 'Most ids of a prompt with its answer.', this.longest);
    out.gauge(`${at}requests_processing`, 'Answers that are computed.', admission.running);
    out.gauge(`${at}requests_deferred`, 'Answers that wait.', admission.waiting);
    out.gauge(
      `${at}prompt_tokens_seconds`,
      'Prompt ids a second.',
      ratio(promptTokens.total, promptTokens.seconds),
    );
    out.gauge(
      `${at}predicted_tokens_seconds`,
      'Answer ids a second.',
      ratio(generated.total, generated.seconds),
    );
  }

  private writeOurs(out: PrometheusText, { cacheBytes: { all, kept } }: Gauges): void {
    out.histogram('smollm2_grammar_compile_seconds', 'Compiling a schema.', this.compile);
    out.histogram('smollm2_mask_seconds', 'What a form allows next.', this.mask);
    out.histogram('smollm2_pass_seconds', 'One pass.', this.pass);
    out.histogram('smollm2_batch_rows', 'Rows of a pass.', this.batchRows);
    const states: [string, number][] = [
      ['running', Math.max(0, all - kept)],
      ['kept', kept],
    ];
    out.gauges('smollm2_cache_bytes', 'Keys and values, of answers and kept for later.', 'state', states);
    out.counters('smollm2_aborted_total', 'Answers given up.', 'why', this.aborted);
    out.counters('smollm2_rejected_total', 'Requests refused.', 'status', this.rejected);
  }
}

function ratio(a: number, b: number): number {
  return b > 0 ? a / b : 0;
}

function increment<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
