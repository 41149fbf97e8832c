// The text format of Prometheus (0.0.4).

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** How many values were at most each limit, and their sum. */
export class Histogram {
  sum = 0;
  count = 0;
  private readonly limits: readonly number[];
  private readonly counts: Float64Array;

  /** @param limits  upper ends of the buckets but the last, ascending; times of requests by default, in seconds */
  constructor(limits: readonly number[] = SECONDS) {
    this.limits = limits;
    this.counts = new Float64Array(limits.length + 1);
  }

  add(value: number): void {
    const bucket = this.limits.findIndex((limit) => value <= limit);
    this.counts[bucket < 0 ? this.limits.length : bucket]++;
    this.sum += value;
    this.count++;
  }

  lines(name: string): string[] {
    let below = 0;
    const buckets = this.limits.map((limit, i) => {
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

/** Metrics one after the other, as text. */
export class PrometheusText {
  private readonly out: string[] = [];

  counter(name: string, help: string, value: number): void {
    this.add(name, 'counter', help, [`${name} ${value}`]);
  }

  /** One value for each value of a label; those are words of ours, never a client's. */
  counters(name: string, help: string, label: string, counts: Iterable<[string | number, number]>): void {
    const lines = [...counts].map(([value, count]) => `${name}{${label}="${value}"} ${count}`);
    this.add(name, 'counter', help, lines);
  }

  gauge(name: string, help: string, value: number): void {
    this.add(name, 'gauge', help, [`${name} ${value}`]);
  }

  gauges(name: string, help: string, label: string, values: Iterable<[string, number]>): void {
    const lines = [...values].map(([word, value]) => `${name}{${label}="${word}"} ${value}`);
    this.add(name, 'gauge', help, lines);
  }

  histogram(name: string, help: string, histogram: Histogram): void {
    this.add(name, 'histogram', help, histogram.lines(name));
  }

  toString(): string {
    return `${this.out.join('\n')}\n`;
  }

  private add(name: string, kind: string, help: string, lines: readonly string[]): void {
    this.out.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`, ...lines);
  }
}
