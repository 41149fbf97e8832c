// The answer token by token: colour is the model's probability; a chosen token shows what else could have stood
// there, and a click on one of those goes on from it.

import { make, percent, visible } from './elements.ts';
import type { Alternative, ShownToken } from './protocol.ts';

export interface TokensView {
  /** Text of every token, the prompt's too, for choosing a position. */
  readonly promptTexts: readonly string[];
  readonly tokens: readonly ShownToken[];
  readonly chosen: number | undefined;
  readonly choose: (index: number) => void;
  /** Answers again with `alternative` in the place of token `index`. */
  readonly branch: (index: number, alternative: Alternative) => void;
}

export function drawTokens(into: HTMLElement, view: TokensView): void {
  const { tokens, chosen, choose } = view;
  if (tokens.length === 0) {
    into.replaceChildren(
      make('p', { className: 'hint' }, 'Ask something: its answer appears here, token by token.'),
    );
    return;
  }
  const chips = tokens.map((token, index) => {
    const chip = make('button', { type: 'button', className: 'token', title: percent(token.probability) });
    chip.textContent = visible(token.alternatives.find(({ id }) => id === token.id)?.text ?? token.text);
    chip.style.background = shade(token.probability);
    chip.setAttribute('aria-pressed', String(index === chosen));
    chip.addEventListener('click', () => choose(index));
    return chip;
  });
  const mean = tokens.reduce((sum, { probability }) => sum + Math.log(probability), 0) / tokens.length;
  into.replaceChildren(
    make(
      'p',
      { className: 'hint' },
      `Green is sure, red is not. Perplexity of this answer: ${Math.exp(-mean).toFixed(2)}. Choose a token to see ` +
        'what else could have stood there.',
    ),
    make('div', { className: 'tokens' }, ...chips),
    ...(chosen === undefined || !tokens[chosen] ? [] : [alternatives(view, chosen)]),
  );
}

function alternatives({ tokens, branch }: TokensView, index: number): HTMLElement {
  const buttons = tokens[index].alternatives.map((alternative) => {
    const isTaken = alternative.id === tokens[index].id;
    const button = make('button', { type: 'button', disabled: isTaken });
    button.append(make('code', {}, visible(alternative.text)), ` ${percent(alternative.probability)}`);
    button.addEventListener('click', () => branch(index, alternative));
    return button;
  });
  return make(
    'div',
    {},
    make('h2', {}, `Token ${index + 1}: go on from another one`),
    make('div', { className: 'alternatives' }, ...buttons),
  );
}

/** From red over yellow to green, by probability. */
function shade(probability: number): string {
  return `color-mix(in srgb, hsl(${Math.round(120 * probability)} 85% 50%) 38%, transparent)`;
}
