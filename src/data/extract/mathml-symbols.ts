// Characters of MathML as TeX writes them. What is not here stands for itself.

const COMMANDS = `
α alpha β beta γ gamma δ delta ϵ epsilon ε varepsilon ζ zeta η eta θ theta ϑ vartheta ι iota κ kappa λ lambda μ mu µ mu
ν nu ξ xi π pi ϖ varpi ρ rho ϱ varrho σ sigma ς varsigma τ tau υ upsilon ϕ phi φ varphi χ chi ψ psi ω omega
Γ Gamma Δ Delta Θ Theta Λ Lambda Ξ Xi Π Pi Σ Sigma Υ Upsilon Φ Phi Ψ Psi Ω Omega
∑ sum ∏ prod ∐ coprod ∫ int ∬ iint ∭ iiint ∮ oint ⋃ bigcup ⋂ bigcap ⋁ bigvee ⋀ bigwedge ⨁ bigoplus ⨂ bigotimes
± pm ∓ mp × times ÷ div ⋅ cdot · cdot ∘ circ ⊕ oplus ⊗ otimes ∗ ast ⋆ star • bullet ∩ cap ∪ cup ∧ wedge ∨ vee
∖ setminus ⊖ ominus ⊙ odot ≤ leq ≥ geq ≠ neq ≈ approx ≡ equiv ∼ sim ≃ simeq ≅ cong ∝ propto ≪ ll ≫ gg ≺ prec ≻ succ
∈ in ∉ notin ∋ ni ⊂ subset ⊃ supset ⊆ subseteq ⊇ supseteq ⊄ nsubset ⊥ perp ∥ parallel ∣ mid ⊢ vdash ⊨ models
→ rightarrow ← leftarrow ↔ leftrightarrow ⇒ Rightarrow ⇐ Leftarrow ⇔ Leftrightarrow ↦ mapsto ↑ uparrow ↓ downarrow
⟶ longrightarrow ⟵ longleftarrow ⟹ Longrightarrow ⟺ Longleftrightarrow ⟼ longmapsto
↪ hookrightarrow ⇌ rightleftharpoons
∀ forall ∃ exists ∄ nexists ¬ neg ∅ emptyset ∞ infty ∂ partial ∇ nabla ℏ hbar ℓ ell ℜ Re ℑ Im ℵ aleph ∠ angle
△ triangle
□ square ◊ lozenge ⊤ top … ldots ⋯ cdots ⋮ vdots ⋱ ddots ⟨ langle ⟩ rangle 〈 langle 〉 rangle ⌊ lfloor ⌋ rfloor
⌈ lceil ⌉ rceil ‖ | ∎ blacksquare ∴ therefore ∵ because † dagger ‡ ddagger § S ¶ P \\ backslash
`;

const LITERALS: Readonly<Record<string, string>> = {
  '−': '-',
  '–': '-',
  '′': "'",
  '″': "''",
  '‴': "'''",
  '{': '\\{',
  '}': '\\}',
  '%': '\\%',
  '#': '\\#',
  '&': '\\&',
  $: '\\$',
  _: '\\_',
  '~': '\\sim',
  ℝ: '\\mathbb{R}',
  ℕ: '\\mathbb{N}',
  ℤ: '\\mathbb{Z}',
  ℚ: '\\mathbb{Q}',
  ℂ: '\\mathbb{C}',
  ℙ: '\\mathbb{P}',
  // Function application, invisible times, separator and plus: signs for machines.
  '\u2061': '',
  '\u2062': '',
  '\u2063': '',
  '\u2064': '',
  '\u200b': '',
};

export const SYMBOLS: ReadonlyMap<string, string> = new Map([
  ...pairs(COMMANDS).map(([symbol, command]): [string, string] => [symbol, `\\${command}`]),
  ...Object.entries(LITERALS),
]);

/** Names that TeX has a command for, set upright. */
export const FUNCTIONS: ReadonlySet<string> = new Set(
  (
    'arccos arcsin arctan arg cos cosh cot coth csc deg det dim exp gcd hom inf ker lg lim liminf limsup ln log max ' +
    'min Pr sec sin sinh sup tan tanh'
  ).split(' '),
);

/** Commands and names that take limits above and below. */
export const WITH_LIMITS =
  /^\\(sum|prod|coprod|i{0,3}nt|oint|big[a-z]+|lim|liminf|limsup|max|min|sup|inf|det|gcd|Pr|argmax|argmin)$/;

/** Marks over a letter. */
export const ACCENTS: Readonly<Record<string, string>> = {
  '^': 'hat',
  '\u0302': 'hat',
  ˆ: 'hat',
  '~': 'tilde',
  '\u0303': 'tilde',
  '˜': 'tilde',
  '→': 'vec',
  '⃗': 'vec',
  '˙': 'dot',
  '.': 'dot',
  '¨': 'ddot',
  '‾': 'overline',
  '¯': 'overline',
  _: 'overline',
  '―': 'overline',
  '⏞': 'overbrace',
  '˘': 'breve',
  ˇ: 'check',
};

/** Marks under an expression. */
export const UNDER_ACCENTS: Readonly<Record<string, string>> = {
  _: 'underline',
  '‾': 'underline',
  '¯': 'underline',
  '⏟': 'underbrace',
};

function pairs(list: string): [string, string][] {
  const words = list.trim().split(/\s+/);
  return Array.from({ length: words.length / 2 }, (_, i) => [words[2 * i], words[2 * i + 1]]);
}
