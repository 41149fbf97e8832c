// Numbers as they are shown: U+2212 for minus, thin spaces for thousands, three significant digits.

import { language } from './text.ts';

const MINUS = '−';

function tidy(text: string): string {
  return text.replaceAll('-', MINUS).replaceAll(',', '\u2009');
}

const locale = language === 'pseudo' ? 'en' : language;
const three = new Intl.NumberFormat(locale, { maximumSignificantDigits: 3 });
const one = new Intl.NumberFormat(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const two = new Intl.NumberFormat(locale, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });

export function num(value: number): string {
  if (value !== 0 && Math.abs(value) < 1e-4) return tidy(value.toExponential(1));
  return tidy(three.format(value));
}

export function fixed(value: number): string {
  return tidy(two.format(value));
}

export function signed(value: number): string {
  return value > 0 ? `+${fixed(value)}` : fixed(value);
}

export function count(value: number): string {
  return tidy(whole.format(value));
}

/** A share in percent, with one decimal. */
export function pct(share: number): string {
  return share > 0 && share < 0.0005 ? '< 0.1\u202f%' : `${tidy(one.format(100 * share))}\u202f%`;
}

export function megabytes(bytes: number): string {
  return `${tidy(one.format(bytes / 1e6))}\u202fMB`;
}

/** Every digit of a float32 that matters. */
export function full(value: number): string {
  return tidy(String(Number(value.toPrecision(9))));
}

/** Step 1 to 7 of the scale for a value from 0 to 1. */
export function step(share: number): number {
  return Math.min(7, Math.max(1, 1 + Math.floor(share * 7)));
}

/** Step 1 to 7 of the scale from − to +, 4 in the middle. */
export function signStep(value: number, most: number): number {
  if (!(most > 0)) return 4;
  return Math.min(7, Math.max(1, 4 + Math.round((3 * value) / most)));
}
