// Chunks that spaCy 3.8 splits by a table instead of by rule (spacy/lang/en/tokenizer_exceptions.py): contractions,
// abbreviations, emoticons. Most are made from a few lists; `SPECIAL_CASES` has all 1,347, in the text's own spelling.

/** Never special, though the lists below would make them: words that look like contractions. */
const NO_CONTRACTIONS = 'Ill ill Its its Hell hell Shell shell Shed shed were Were Well well Whore whore';

const WHOLE =
  "' \\\") <space> '' C++ and/or w/o \\t \\n — " +
  "'s 'S ‘S ‘s 're 'Cause 'cause 'cos 'Cos 'coz 'Coz 'cuz 'Cuz 'bout ma'am Ma'am o'clock O'clock " +
  "lovin' Lovin' lovin Lovin havin' Havin' havin Havin doin' Doin' doin Doin goin' Goin' goin Goin " +
  "nothin nothin' Nothin Nothin' nuthin nuthin' Nuthin Nuthin' ol ol' Ol Ol' somethin somethin' Somethin Somethin' " +
  "em 'em ll 'll nuff 'nuff 'd " +
  'Mt. Ak. Ala. Apr. Ariz. Ark. Aug. Calif. Colo. Conn. Dec. Del. Feb. Fla. Ga. Ia. Id. Ill. Ind. Jan. Jul. Jun. ' +
  'Kan. Kans. Ky. La. Mar. Mass. Mich. Minn. Miss. N.C. N.D. N.H. N.J. N.M. N.Y. Neb. Nebr. Nev. Nov. Oct. Okla. ' +
  'Ore. Pa. S.C. Sep. Sept. Tenn. Va. Wash. Wis. a.m. Adm. Bros. co. Co. Corp. D.C. Dr. e.g. E.g. E.G. Gen. Gov. ' +
  'i.e. I.e. I.E. Inc. Jr. Ltd. Md. Messrs. Mo. Mont. Mr. Mrs. Ms. p.m. Ph.D. Prof. Rep. Rev. Sen. St. vs. v.s. ' +
  'a. b. c. d. e. f. g. h. i. j. k. l. m. n. o. p. q. r. s. t. u. v. w. x. y. z. ä. ö. ü.';

const EMOTICONS =
  ':) :-) :)) :-)) :))) :-))) (: (-: =) (= :] :-] [: [-: [= =] :o) (o: :} :-} 8) 8-) (-8 ;) ;-) (; (-; :( :-( :(( ' +
  ":-(( :((( :-((( ): )-: =( >:( :') :'-) :'( :'-( :/ :-/ =/ =| :| :-| ]= =[ :1 :P :-P :p :-p :O :-O :o :-o :0 :-0 " +
  ':() >:o :* :-* :3 :-3 =3 :> :-> :X :-X :x :-x :D :-D ;D ;-D =D xD XD xDD XDD 8D 8-D ^_^ ^__^ ^___^ >.< >.> <.< ' +
  '._. ;_; -_- -__- v.v V.V v_v V_V o_o o_O O_o O_O 0_o o_0 0_0 o.O O.o O.O o.o 0.0 o.0 0.o @_@ <3 <33 <333 </3 ' +
  '(^_^) (-_-) (._.) (>_<) (*_*) (¬_¬) ಠ_ಠ ಠ︵ಠ (ಠ_ಠ) ¯\\(ツ)/¯ (╯°□°）╯︵┻━┻ ><(((*>';

/** Cut at the bar. */
const CUT =
  "y'|all y|all how|'d|'y How|'d|'y not|'ve not|ve Not|'ve Not|ve can|not Can|not gon|na Gon|na got|ta Got|ta let|'s " +
  "Let|'s c'm|on C'm|on °|c|. °|f|. °|k|. °|C|. °|F|. °|K|.";

/** What may follow a word: `I` + `'m`, `'ma`, … `|` cuts; the apostrophe may also be missing. */
const ENDINGS: readonly [words: string, endings: string][] = [
  ['i', "'m 'm|a"],
  ['i you he she it we they', "'ll 'll|'ve 'd 'd|'ve"],
  ['i you we they', "'ve"],
  ['you we they', "'re"],
  ['he she it', "'s"],
  ['who what when where why how there that this', "'s"],
  ['who what when where why how there that this these those', "'ll 'll|'ve 'd 'd|'ve"],
  ['who what when where why how there these those', "'re 've"],
  ['ca could do does did had may might must need ought sha should wo would', "n't n't|'ve"],
  ['could might must should would', "'ve"],
  ['ai are is was were have has dare', "n't"],
];

/** Every special chunk with its tokens. */
export const SPECIAL_CASES: ReadonlyMap<string, readonly string[]> = build();

function build(): Map<string, readonly string[]> {
  const cases = new Map<string, readonly string[]>();
  const add = (tokens: readonly string[]) => cases.set(tokens.join(''), tokens);
  for (const [words, endings] of ENDINGS) {
    for (const word of words.split(' ')) {
      for (const ending of endings.split(' ')) {
        for (const form of [word, word[0].toUpperCase() + word.slice(1)]) {
          add([form, ...ending.split('|')]);
          add([form, ...ending.replaceAll("'", '').split('|')]);
        }
      }
    }
  }
  for (const word of NO_CONTRACTIONS.split(' ')) cases.delete(word);
  for (const chunk of [...`${WHOLE} ${EMOTICONS}`.split(' '), ' ', '\t', '\n', '\xa0']) add([chunk]);
  for (const chunk of CUT.split(' ')) add(chunk.split('|'));
  for (let hour = 1; hour <= 12; hour++) {
    for (const half of ['a.m.', 'am', 'p.m.', 'pm']) add([`${hour}`, half]);
  }
  for (const tokens of [...cases.values()]) add(tokens.map((token) => token.replaceAll("'", '’')));
  return cases;
}
