// Which language a text is in, for IFEval's language checks: by script, then by the commonest words and
// letters of the languages that share one. The official checker asks `langdetect`, a statistical model of 55
// languages; on a sentence in each of the 23 languages of test/eval/language.test.ts, and on 541
// answers but for five of one or two words, the two agree.

/** Scripts that one of the benchmark's languages has for itself. */
const OWN_SCRIPTS: readonly [string, RegExp][] = [
  ['kn', /\p{Script=Kannada}/gu],
  ['ko', /\p{Script=Hangul}/gu],
  ['pa', /\p{Script=Gurmukhi}/gu],
  ['gu', /\p{Script=Gujarati}/gu],
  ['te', /\p{Script=Telugu}/gu],
  ['ta', /\p{Script=Tamil}/gu],
  ['th', /\p{Script=Thai}/gu],
  ['bn', /\p{Script=Bengali}/gu],
  ['ml', /\p{Script=Malayalam}/gu],
  ['he', /\p{Script=Hebrew}/gu],
  ['el', /\p{Script=Greek}/gu],
  ['ja', /[\p{Script=Hiragana}\p{Script=Katakana}]/gu],
  ['zh', /\p{Script=Han}/gu],
];

const SHARED_SCRIPTS: readonly { readonly letters: RegExp; readonly languages: readonly string[] }[] = [
  { letters: /\p{Script=Devanagari}/gu, languages: ['hi', 'mr', 'ne'] },
  { letters: /\p{Script=Arabic}/gu, languages: ['ar', 'fa', 'ur'] },
  { letters: /\p{Script=Cyrillic}/gu, languages: ['ru', 'bg', 'uk'] },
  {
    letters: /\p{Script=Latin}/gu,
    languages: ['en', 'de', 'fr', 'es', 'pt', 'it', 'fi', 'sw', 'vi', 'nl', 'pl', 'sv', 'id', 'tl'],
  },
];

/** Words that are frequent in one language and rare in its neighbours of the same script. */
const COMMON_WORDS: Readonly<Record<string, string>> = {
  hi: 'है हैं में की के का को से और यह एक नहीं पर भी कि था थे लिए इस हो कर ने वह आप',
  mr: 'आहे आणि आहेत या हे ते मध्ये च्या होते नाही हा ही एक तो मी आपण करा करण्यासाठी त्या असते',
  ne: 'छ छन् को मा र लागि यो हो पनि गर्न भएको हुन्छ तपाईं हामी थियो गर्नुहोस् तथा लाई बाट',
  ar: 'في من على أن إلى هذا هذه التي الذي كان هو هي مع لا ما عن كل أو بين بعد قد',
  fa: 'و در به از که این است را با برای آن یک می شود های هم تا بود کرد خود شما',
  ur: 'ہے میں کے کی کا اور سے کو یہ ہیں نے پر کہ ایک اس نہیں تھا جو بھی آپ',
  ru: 'и в не на что с он как это по но они мы из у за от так его для был все или вы',
  bg: 'и на да се в за от е не са с по това като ще си при или който но бе така',
  uk: 'і в не на що з він як це по але та ми із у за від так його для був або ви є',
  en: 'the of and to a in is that it for was with as on be are this have from not you by at an we his they',
  de: 'der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es werden ich sie',
  fr: 'de la le et les des en un une du que est pour qui dans par plus pas au sur ne se ce il sont avec vous',
  es: 'de la que el en y a los se del las un por con una su para es al lo como más o pero sus le ha no está',
  pt: 'de a o que e do da em um para é com não uma os no se na por mais as dos como mas foi ao ele tem seu',
  it: 'di e il la che in un per è una sono con non del si da le dei nel alla come anche più gli al ha lo',
  fi: 'ja on ei että se hän oli mutta myös kun niin kuin ovat voi ole joka tai sen olla hyvin mitä minä sinä',
  sw: 'na ya wa kwa ni katika la za kuwa hii cha watu kama au hiyo huyo lakini sana pia kila yake ili wake',
  vi: 'và của là có được cho trong một những không với các để người này đã từ khi như đến bạn tôi về ra',
  nl: 'de het een en van in is dat op te zijn met voor niet aan er ook als maar om bij uit nog naar',
  pl: 'i w na z się nie do to że jest o jak po co ale od za przez są tak jego dla czy tym',
  sv: 'och i att det som en på är av för med till den har inte om ett han var jag från men',
  id: 'yang dan di untuk dengan ini dari dalam tidak itu pada adalah akan ke juga saya kami atau',
  tl: 'ang ng sa na mga ay at ito para hindi kung ako siya ka may niya din lang',
};

const wordSets = new Map(
  Object.entries(COMMON_WORDS).map(([language, words]) => [language, new Set(words.split(' '))]),
);

/** ISO 639-1 code of the likeliest language; undefined where the text has no letters. */
export function languageOf(text: string): string | undefined {
  const counts = OWN_SCRIPTS.map(([language, letters]) => ({
    languages: [language],
    count: count(text, letters),
  }));
  for (const { letters, languages } of SHARED_SCRIPTS) {
    counts.push({ languages: [...languages], count: count(text, letters) });
  }
  const best = counts.reduce((a, b) => (b.count > a.count ? b : a));
  if (best.count === 0) return undefined;
  if (best.languages.length === 1) return best.languages[0];
  const words = text.toLowerCase().match(/[\p{L}\p{M}]+/gu) ?? [];
  const hits = best.languages.map(
    (language) => words.filter((word) => wordSets.get(language)!.has(word)).length,
  );
  return best.languages[hits.indexOf(Math.max(...hits))];
}

function count(text: string, letters: RegExp): number {
  return text.match(letters)?.length ?? 0;
}
