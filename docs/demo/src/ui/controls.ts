// Sliders, switches and rows of choices. Each has a key, so that the focus stays where it was when a view is drawn
// anew.

import { h } from './dom.ts';

interface SliderParts {
  readonly key: string;
  readonly text: string;
  readonly low: number;
  readonly high: number;
  readonly step?: number;
  readonly value: number;
  readonly show?: (value: number) => string;
  /** At every movement. */
  readonly moved?: (value: number) => void;
  /** When it is let go, and at every key. */
  readonly chosen?: (value: number) => void;
}

export function slider({
  key,
  text,
  low,
  high,
  step = 1,
  value,
  show = String,
  moved,
  chosen,
}: SliderParts): HTMLElement {
  const output = h('output', { 'data-model': true }, show(value));
  const input = h('input', { type: 'range', min: low, max: high, step, 'data-focus': key });
  input.value = String(value);
  input.addEventListener('input', () => {
    output.textContent = show(Number(input.value));
    moved?.(Number(input.value));
  });
  input.addEventListener('change', () => chosen?.(Number(input.value)));
  return h('label', { class: 'slider' }, h('span', {}, text, ' ', output), input);
}

export function button(
  key: string,
  text: string | Node,
  press: () => void,
  props: Readonly<Record<string, unknown>> = {},
): HTMLButtonElement {
  return h('button', { type: 'button', 'data-focus': key, onclick: press, ...props }, text);
}

export function check(
  key: string,
  text: string,
  isOn: boolean,
  choose: (isOn: boolean) => void,
): HTMLElement {
  const input = h('input', { type: 'checkbox', 'data-focus': key, checked: isOn });
  input.addEventListener('change', () => choose(input.checked));
  return h('label', { class: 'check' }, input, text);
}

/** A line of text; `changed` when it is left, and at Enter. */
export function field(
  key: string,
  text: string,
  value: string,
  changed: (value: string) => void,
): HTMLElement {
  const input = h('input', { type: 'text', class: 'line', value, 'data-focus': key, autocomplete: 'off' });
  input.addEventListener('change', () => changed(input.value));
  return h('label', { class: 'choice' }, text, ' ', input);
}

interface ChoiceParts<Value> {
  readonly key: string;
  readonly text: string;
  readonly options: readonly { readonly value: Value; readonly text: string }[];
  readonly value: Value;
  readonly choose: (value: Value) => void;
}

export function select<Value extends string | number>({
  key,
  text,
  options,
  value,
  choose,
}: ChoiceParts<Value>): HTMLElement {
  const input = h(
    'select',
    { 'data-focus': key },
    ...options.map((one) => h('option', { value: one.value, selected: one.value === value }, one.text)),
  );
  input.addEventListener('change', () => choose(options[input.selectedIndex].value));
  return h('label', { class: 'choice' }, text, ' ', input);
}

export function row(...children: (Node | string | false)[]): HTMLElement {
  return h('div', { class: 'row' }, ...children);
}
