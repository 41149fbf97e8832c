// Counters, gauges and histograms in the text format of Prometheus (0.0.4). Names are those of vLLM and of llama.cpp's
// server where these have one, since dashboards know them. Labels are words of ours, never a client's.

import type { Admission } from './admission.ts';

type Kind = 'counter' | 'gauge' | 'histogram';

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

class Histogram {
  readonly counts = new Float64Array(SECONDS.length + 1);
  sum = 0;
  count = 0;

  add(seconds: number): void {
    const bucket = SECONDS.findIndex((limit) => seconds <= limit);
    this.counts[bucket < 0 ? SECONDS.length : bucket]++;
    this.sum += seconds;
    this.count++;
  }

  lines(name: string): string[] {
    let below = 0;
    const buckets = SECONDS.map((limit, i) => {
      below += this.counts[i];
      return `${name}_bucket{le="${limit}"} ${below}`;
    });
    return [
      ...buckets,
      `${name}_bucket{le="+Inf"} ${this.count}`,
      `${name}_sum ${this.sum}`,
      `${name}_count ${this.count}`,
    ];
  }
}

/** What is told of one answer when it has ended. */
export interface AnswerCount {
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly completionTokens: number;
  readonly reason: 'stop' | 'length' | 'abort';
  readonly promptMs: number;
  readonly generateMs: number;
}

export class Metrics {
  readonly promptTokens = { total: 0, cached: 0, seconds: 0 };
  readonly generated = { total: 0, seconds: 0 };
  private readonly finished = { stop: 0, length: 0, abort: 0 };
  private readonly rejected = new Map<number, number>();
  private readonly firstToken = new Histogram();
  private readonly betweenTokens = new Histogram();
  private readonly wholeRequest = new Histogram();
  private readonly compile = new Histogram();
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

  countRejected(status: number): void {
    this.rejected.set(status, (this.rejected.get(status) ?? 0) + 1);
  }

  text(): string {
    const { running, waiting } = this.admission;
    const { promptTokens, generated, finished } = this;
    const rate = ({ total, seconds }: { total: number; seconds: number }) =>
      seconds > 0 ? total / seconds : 0;
    const reasons = Object.entries(finished).map(([reason, count]): [string, number] => [
      `{finished_reason="${reason}"}`,
      count,
    ]);
    const rejected = [...this.rejected].map(([status, count]): [string, number] => [
      `{status="${status}"}`,
      count,
    ]);
    const out: string[] = [];
    const add = (name: string, kind: Kind, help: string, lines: string[]) => {
      out.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`, ...lines);
    };
    const one = (name: string, kind: Kind, help: string, value: number) =>
      add(name, kind, help, [`${name} ${value}`]);
    const each = (name: string, kind: Kind, help: string, values: [string, number][]) =>
      add(
        name,
        kind,
        help,
        values.map(([label, value]) => `${name}${label} ${value}`),
      );
    for (const prefix of ['vllm', 'smollm2']) {
      const at = prefix === 'vllm' ? 'vllm:' : 'smollm2_';
      one(`${at}num_requests_running`, 'gauge', 'Answers that are computed.', running);
      one(`${at}num_requests_waiting`, 'gauge', 'Answers that wait.', waiting);
      one(`${at}prompt_tokens_total`, 'counter', 'Ids of prompts.', promptTokens.total);
      one(`${at}generation_tokens_total`, 'counter', 'Ids of answers.', generated.total);
      one(`${at}prefix_cache_queries_total`, 'counter', 'Prompt ids looked up.', promptTokens.total);
      one(`${at}prefix_cache_hits_total`, 'counter', 'Prompt ids found in a cache.', promptTokens.cached);
      each(`${at}request_success_total`, 'counter', 'Answers that ended, by reason.', reasons);
      const times: [string, string, Histogram][] = [
        ['time_to_first_token_seconds', 'From the request to its first token.', this.firstToken],
        ['inter_token_latency_seconds', 'Between two tokens of an answer.', this.betweenTokens],
        ['e2e_request_latency_seconds', 'From the request to its end.', this.wholeRequest],
      ];
      for (const [name, help, histogram] of times) {
        add(at + name, 'histogram', help, histogram.lines(at + name));
      }
    }
    one('llamacpp:prompt_tokens_total', 'counter', 'Ids of prompts.', promptTokens.total);
    one('llamacpp:prompt_tokens_cached_total', 'counter', 'Of those, in a cache.', promptTokens.cached);
    one('llamacpp:prompt_seconds_total', 'counter', 'Time for prompts.', promptTokens.seconds);
    one('llamacpp:tokens_predicted_total', 'counter', 'Ids of answers.', generated.total);
    one('llamacpp:tokens_predicted_seconds_total', 'counter', 'Time for answers.', generated.seconds);
    one('llamacpp:n_tokens_max', 'gauge', 'Most ids of a prompt with its answer.', this.longest);
    one('llamacpp:requests_processing', 'gauge', 'Answers that are computed.', running);
    one('llamacpp:requests_deferred', 'gauge', 'Answers that wait.', waiting);
    one('llamacpp:prompt_tokens_seconds', 'gauge', 'Prompt ids a second.', rate(promptTokens));
    one('llamacpp:predicted_tokens_seconds', 'gauge', 'Answer ids a second.', rate(generated));
    const compileName = 'smollm2_grammar_compile_seconds';
    add(compileName, 'histogram', 'Compiling a schema.', this.compile.lines(compileName));
    each('smollm2_aborted_total', 'counter', 'Answers given up.', [['', finished.abort]]);
    each('smollm2_rejected_total', 'counter', 'Requests refused, by status.', rejected);
    return `${out.join('\n')}\n`;
  }
}
