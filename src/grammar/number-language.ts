// Numbers as a regular language: the syntax of JSON with limits on value, on divisibility and on the count of digits.
// Values are compared digit by digit, divisibility by the remainder so far.

import { type Dfa, explore } from './dfa.ts';

/** What must hold between a number and a value. */
export type Relation = '<' | '<=' | '>' | '>=' | '!=';

export interface NumberRules {
  /** Whole numbers only (true), or none (false). */
  readonly integer: boolean | undefined;
  readonly bounds: readonly { readonly relation: Relation; readonly value: number }[];
  /** Whole divisors, and whether they must divide. */
  readonly divisors: readonly { readonly divisor: number; readonly divides: boolean }[];
  /** One spelling for each number, so that texts differ when values do. */
  readonly canonical: boolean;
}

/**
 * Most digits before and after the point of a free number: a small model would go on for ever. Where the value
 * matters, 15 in all: so many digits survive the double that every reader makes of them, so order and difference do.
 */
const FREE_DIGITS = 20;
const EXACT_DIGITS = 15;

const CHARACTERS = '+-.0123456789Ee';
const STARTS = [0, ...Array.from(CHARACTERS, (c) => c.charCodeAt(0)), 0x66]
  .flatMap((start) => (start > 0 && start < 0x66 ? [start, start + 1] : [start]))
  .filter((start, i, all) => all.indexOf(start) === i)
  .sort((a, b) => a - b);

type Part = 'start' | 'minus' | 'zero' | 'whole' | 'point' | 'fraction' | 'e' | 'sign' | 'exponent';

interface NumberState {
  readonly part: Part;
  readonly isNegative: boolean;
  /** All digits so far are 0; those behind the point are. */
  readonly isZero: boolean;
  readonly isWhole: boolean;
  readonly endsInZero: boolean;
  /** Digits before the point, behind it, and in the exponent. */
  readonly digits: number;
  readonly fraction: number;
  readonly exponent: number;
  /** Magnitude against that of each bound so far: -1, 0, 1. While reading digits before the point: of the prefixes. */
  readonly order: readonly number[];
  /** Whole part modulo each divisor. */
  readonly remainders: readonly number[];
}

/** A magnitude in decimal: digits before and behind the point. */
interface Decimal {
  readonly isNegative: boolean;
  readonly whole: string;
  readonly fraction: string;
}

/** The decimal of a double, as JSON writes it but without an exponent. */
export function decimalOf(value: number): Decimal {
  const [mantissa, power = '0'] = String(Math.abs(value)).split('e');
  const [whole, fraction = ''] = mantissa.split('.');
  const shift = Number(power);
  const digits = whole + fraction;
  const point = whole.length + shift;
  const left = point <= 0 ? '0' : digits.slice(0, point).padEnd(point, '0');
  const right = point <= 0 ? '0'.repeat(-point) + digits : digits.slice(point);
  return {
    isNegative: value < 0,
    whole: left.replace(/^0+(?=\d)/, ''),
    fraction: right.replace(/0+$/, ''),
  };
}

/** The one spelling of a number where texts differ when values do. */
export function spellNumber(value: number): string {
  const { isNegative, whole, fraction } = decimalOf(value);
  return `${isNegative ? '-' : ''}${whole}${fraction && `.${fraction}`}`;
}

/**
 * The language of numbers under some rules.
 *
 * @throws GrammarError  when the automaton would be too large (large divisors)
 */
export function numberDfa(rules: NumberRules): Dfa {
  const decimals = rules.bounds.map(({ value }) => decimalOf(value));
  const isFree =
    rules.integer !== false && !rules.bounds.length && !rules.divisors.length && !rules.canonical;
  const most = isFree ? FREE_DIGITS : EXACT_DIGITS;
  const machine = new NumberMachine(rules, decimals, isFree && rules.integer === undefined, most, isFree);
  return explore<NumberState>({
    starts: STARTS,
    first: machine.first,
    step: (state, c) => {
      const character = String.fromCharCode(STARTS[c]);
      return CHARACTERS.includes(character) ? machine.step(state, character) : undefined;
    },
    accepts: (state) => machine.accepts(state),
    key: (state) =>
      `${state.part}${state.isNegative}${state.isZero}${state.isWhole}${state.endsInZero}` +
      `${state.digits},${state.fraction},${state.exponent},${state.order.join()};${state.remainders.join()}`,
  });
}

class NumberMachine {
  readonly first: NumberState;
  private readonly rules: NumberRules;
  private readonly decimals: readonly Decimal[];
  private readonly hasExponent: boolean;
  private readonly most: number;
  private readonly isFree: boolean;

  constructor(
    rules: NumberRules,
    decimals: readonly Decimal[],
    hasExponent: boolean,
    most: number,
    isFree: boolean,
  ) {
    this.rules = rules;
    this.decimals = decimals;
    this.hasExponent = hasExponent;
    this.most = most;
    this.isFree = isFree;
    this.first = {
      part: 'start',
      isNegative: false,
      isZero: true,
      isWhole: true,
      endsInZero: false,
      digits: 0,
      fraction: 0,
      exponent: 0,
      order: decimals.map(() => 0),
      remainders: rules.divisors.map(() => 0),
    };
  }

  step(state: NumberState, character: string): NumberState | undefined {
    const { part } = state;
    const isDigit = character >= '0' && character <= '9';
    if (character === '-' && part === 'start') return { ...state, part: 'minus', isNegative: true };
    if (part === 'e' && (character === '-' || character === '+')) return { ...state, part: 'sign' };
    if (character === 'e' || character === 'E') {
      const mayCome = part === 'zero' || part === 'whole' || part === 'fraction';
      return this.hasExponent && mayCome ? { ...state, part: 'e' } : undefined;
    }
    if (character === '.') {
      if ((part !== 'zero' && part !== 'whole') || this.rules.integer === true) return undefined;
      return { ...state, part: 'point', order: this.wholeOrders(state) };
    }
    if (!isDigit) return undefined;
    const digit = Number(character);
    if (part === 'e' || part === 'sign' || part === 'exponent') {
      return state.exponent < 2 ? { ...state, part: 'exponent', exponent: state.exponent + 1 } : undefined;
    }
    return part === 'point' || part === 'fraction'
      ? this.behindPoint(state, digit)
      : this.beforePoint(state, digit);
  }

  private beforePoint(state: NumberState, digit: number): NumberState | undefined {
    if (state.part === 'zero' || state.digits >= this.most) return undefined;
    const order = state.order.map((before, i) => {
      const bound = Number(this.decimals[i].whole[state.digits] ?? '0');
      return before !== 0 ? before : Math.sign(digit - bound);
    });
    return {
      ...state,
      part: state.part === 'whole' || digit > 0 ? 'whole' : 'zero',
      digits: state.digits + 1,
      isZero: state.isZero && digit === 0,
      order,
      remainders: state.remainders.map((rest, i) => (rest * 10 + digit) % this.rules.divisors[i].divisor),
    };
  }

  private behindPoint(state: NumberState, digit: number): NumberState | undefined {
    const used = this.isFree ? state.fraction : state.fraction + state.digits;
    if (used >= this.most) return undefined;
    return {
      ...state,
      part: 'fraction',
      fraction: state.fraction + 1,
      isZero: state.isZero && digit === 0,
      isWhole: state.isWhole && digit === 0,
      endsInZero: digit === 0,
      order: state.order.map((before, i) => {
        const bound = Number(this.decimals[i].fraction[state.fraction] ?? '0');
        return before !== 0 ? before : Math.sign(digit - bound);
      }),
    };
  }

  /** The order of the whole parts, once the number of digits is known. */
  private wholeOrders({ digits, order }: NumberState): number[] {
    return order.map((before, i) => Math.sign(digits - this.decimals[i].whole.length) || before);
  }

  accepts(state: NumberState): boolean {
    const { part, isNegative, isZero, isWhole, remainders } = state;
    const { integer, bounds, divisors, canonical } = this.rules;
    if (part !== 'zero' && part !== 'whole' && part !== 'fraction' && part !== 'exponent') return false;
    if (isNegative && isZero) return false;
    if (integer === false && isWhole) return false;
    if (canonical && part === 'fraction' && state.endsInZero) return false;
    const divided = divisors.every(({ divides }, i) => (isWhole && remainders[i] === 0) === divides);
    if (!divided) return false;
    const whole = part === 'fraction' ? state.order : this.wholeOrders(state);
    return bounds.every(({ relation }, i) => {
      const { isNegative: isBoundNegative, fraction } = this.decimals[i];
      // Digits of the bound that were not compared: what is left of its fraction, never all zeros.
      const magnitude = whole[i] !== 0 ? whole[i] : fraction.length > state.fraction ? -1 : 0;
      const order =
        isNegative !== isBoundNegative ? (isNegative ? -1 : 1) : isNegative ? -magnitude : magnitude;
      return holds(relation, order);
    });
  }
}

function holds(relation: Relation, order: number): boolean {
  if (relation === '!=') return order !== 0;
  if (relation === '<') return order < 0;
  if (relation === '<=') return order <= 0;
  return relation === '>' ? order > 0 : order >= 0;
}

/** Whether a value obeys the rules: for the constants of an enumeration. */
export function obeys(value: number, rules: NumberRules): boolean {
  return (
    (rules.integer === undefined || Number.isInteger(value) === rules.integer) &&
    rules.bounds.every((bound) => holds(bound.relation, Math.sign(value - bound.value))) &&
    rules.divisors.every(({ divisor, divides }) => (value % divisor === 0) === divides)
  );
}
