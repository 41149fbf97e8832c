// What an ablation says to its reader: what was tried, what it gave, why each rate moves or stays, as
// Markdown and as one page without scripts; and the recipe of the next stage.

import { CERTAIN, type Design, type Findings, type Proposal, type Verdict } from './decide.ts';

export interface AblationOutcome {
  readonly design: Design;
  readonly found: Findings;
  readonly proposal: Proposal | undefined;
  readonly verdict: Verdict | undefined;
  readonly rates: readonly number[];
}

/** One sentence for each source: where its rate goes, and what was measured. */
export function reasonsFor({ design, found, rates, proposal, verdict }: AblationOutcome): string[] {
  const present = found.means[0].rates;
  const shown = proposal && verdict?.isAccepted === false ? proposal.rates : rates;
  return design.sources.map((name, i) => {
    const effects = design.domains.map((domain, d) => `${domain} ${signed(found.effects[d][i])}`).join(', ');
    const sure = `${Math.abs(found.certainty[i]).toFixed(1)} standard deviations`;
    const seen = `ten points more of it: ${effects} bits/byte (${sure})`;
    const way = `${percent(present[i])} → ${percent(shown[i])}`;
    if (Math.abs(shown[i] - present[i]) < 5e-4) return `${name} stays at ${percent(present[i])}; ${seen}`;
    const isTried = shown !== rates;
    const verb = shown[i] > present[i] ? 'raised' : 'lowered';
    return `${name} ${isTried ? `would be ${verb}` : verb}, ${way}; ${seen}`;
  });
}

/** The decision in one sentence. */
export function decisionText({ proposal, verdict }: AblationOutcome): string {
  if (!proposal)
    return 'No change: no source is told apart from another by more than the noise of the trainings.';
  if (!verdict) return 'No change.';
  const measured = `${verdict.gain.toFixed(4)} ± ${verdict.spread.toFixed(4)}`;
  const forecast = `forecast ${proposal.forecast.toFixed(4)}`;
  if (verdict.isAccepted)
    return `Change: the proposal was run and is better by ${measured} bits/byte (${forecast}).`;
  return (
    `No change: the proposal was run and gains ${measured} bits/byte (${forecast}), ` +
    `less than ${CERTAIN} standard deviations.`
  );
}

export function ablationMarkdown(outcome: AblationOutcome): string {
  const { design, found, proposal, verdict } = outcome;
  const head = ['mixture', ...design.sources, 'bits/byte', 'against present'];
  const [present] = found.means;
  const rows = found.means.map(({ mixture, rates, value }) =>
    row([mixture, ...rates.map(percent), value.toFixed(4), signed(value - present.value)]),
  );
  const domains = verdict
    ? [
        '',
        '## The proposal, run with new seeds',
        '',
        row(['domain', 'weight', 'gain in bits/byte']),
        row(['---', '--:', '--:']),
        ...design.domains.map((name, d) =>
          row([name, percent(design.weights[d]), verdict.gains[d].toFixed(4)]),
        ),
      ]
    : [];
  const { noise, regression } = found;
  return `${[
    '# Ablation',
    '',
    decisionText(outcome),
    '',
    ...reasonsFor(outcome).map((reason) => `- ${reason}`),
    '',
    '## What was tried',
    '',
    row(head),
    row(head.map((_, i) => (i === 0 ? '---' : '--:'))),
    ...rows,
    ...(proposal
      ? [row(['proposal (forecast)', ...proposal.rates.map(percent), '', signed(-proposal.forecast)])]
      : []),
    '',
    `One training has a standard deviation of ${noise.toFixed(4)} bits/byte. The regression misses by ` +
      `${regression.residual.toFixed(4)} on the mixtures that it was made of and by ` +
      `${regression.leaveOneOut.toFixed(4)} on one that is left out.`,
    ...domains,
  ].join('\n')}\n`;
}

const STYLE = `body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse}td,th{padding:.2rem .7rem;text-align:right;border-bottom:1px solid #ddd}
td:first-child,th:first-child{text-align:left}svg text{font:12px system-ui,sans-serif}
@media (prefers-color-scheme:dark){body{background:#181818;color:#ddd}svg text{fill:#ddd}td,th{border-color:#444}}`;

export function ablationHtml(outcome: AblationOutcome): string {
  const { design, found, proposal, rates } = outcome;
  const reasons = reasonsFor(outcome).map((reason) => `<li>${escaped(reason)}</li>`);
  const present = found.means[0].rates;
  const table = design.sources.map((name, i) => {
    const cells = [present[i], proposal?.rates[i] ?? present[i], rates[i]].map(
      (rate) => `<td>${percent(rate)}</td>`,
    );
    return `<tr><td>${escaped(name)}</td>${cells.join('')}</tr>`;
  });
  return (
    `<!doctype html><html lang="en"><meta charset="utf-8"><title>Ablation</title>` +
    `<meta name="viewport" content="width=device-width"><style>${STYLE}</style><h1>Ablation</h1>` +
    `<p>${escaped(decisionText(outcome))}</p><ul>${reasons.join('')}</ul>` +
    `<table><tr><th>source</th><th>present</th><th>proposal</th><th>next</th></tr>${table.join('')}</table>` +
    `<h2>Bits per byte of each mixture</h2>${dotPlot(found)}` +
    `<p>The bar at each point is one standard deviation of a training.</p></html>\n`
  );
}

/** A line a mixture, best first: rates beside the value with the noise of one training. */
function dotPlot({ means, noise }: Findings): string {
  const sorted = [...means].sort((a, b) => a.value - b.value);
  const low = sorted[0].value - noise;
  const width = Math.max(sorted[sorted.length - 1].value + noise - low, 1e-9);
  const x = (value: number) => (330 + ((value - low) / width) * 460).toFixed(1);
  const lines = sorted.map(({ mixture, rates, value }, i) => {
    const y = 20 + i * 24;
    const label = `${mixture} (${rates.map((rate) => Math.round(100 * rate)).join(' / ')})`;
    return (
      `<text x="0" y="${y + 4}">${escaped(label)}</text>` +
      `<path d="M${x(value - noise)},${y}H${x(value + noise)}" stroke="#3a7ca5" stroke-width="2"/>` +
      `<circle cx="${x(value)}" cy="${y}" r="5" fill="${mixture === 'present' ? '#b4553a' : '#3a7ca5'}"/>` +
      `<text x="800" y="${y + 4}">${value.toFixed(4)}</text>`
    );
  });
  return `<svg viewBox="0 0 880 ${sorted.length * 24 + 20}" width="100%" role="img">${lines.join('')}</svg>`;
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(4)}`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (mark) => `&#${mark.charCodeAt(0)};`);
}
