import { describe, expect, it } from 'vitest';
import { languageOf } from '../../src/eval/language.ts';

// One sentence in each of the 22 languages that IFEval's prompts ask for, and in English.
const SENTENCES: [string, string][] = [
  ['en', 'The weather is nice today and we are going to walk by the river with our friends.'],
  ['de', 'Das Wetter ist heute schön und wir gehen mit unseren Freunden am Fluss spazieren.'],
  ['it', 'Oggi il tempo è bello e andiamo a passeggiare lungo il fiume con gli amici della scuola.'],
  ['pt', 'O tempo está bom hoje e vamos passear junto ao rio com os nossos amigos da escola.'],
  ['fi', 'Sää on tänään kaunis ja me kävelemme joen rannalla, mutta huomenna ei ole aikaa.'],
  ['sw', 'Hali ya hewa ni nzuri leo na tunatembea kando ya mto na marafiki wetu wa shule.'],
  ['vi', 'Hôm nay thời tiết đẹp và chúng tôi đi dạo bên bờ sông với những người bạn của tôi.'],
  ['ru', 'Сегодня хорошая погода, и мы идём гулять по берегу реки, но завтра это будет не так.'],
  ['bg', 'Днес времето е хубаво и ние ще се разходим по брега на реката, но утре няма да е така.'],
  ['hi', 'आज मौसम अच्छा है और हम अपने दोस्तों के साथ नदी के किनारे घूमने जा रहे हैं।'],
  ['mr', 'आज हवामान छान आहे आणि आम्ही मित्रांसोबत नदीच्या काठी फिरायला जात आहोत. हे चांगले आहे.'],
  ['ne', 'आज मौसम राम्रो छ र हामी साथीहरूसँग नदीको किनारमा घुम्न जाँदैछौं। यो राम्रो हो।'],
  ['ar', 'الطقس جميل اليوم ونحن نمشي على ضفة النهر مع أصدقائنا من المدرسة، لكن غدا لا يمكن ذلك.'],
  ['fa', 'امروز هوا خوب است و ما با دوستان خود در کنار رودخانه قدم می زنیم که این را دوست داریم.'],
  ['ur', 'آج موسم اچھا ہے اور ہم اپنے دوستوں کے ساتھ دریا کے کنارے چل رہے ہیں۔'],
  ['kn', 'ಇಂದು ಹವಾಮಾನ ಚೆನ್ನಾಗಿದೆ.'],
  ['pa', 'ਅੱਜ ਮੌਸਮ ਚੰਗਾ ਹੈ।'],
  ['gu', 'આજે હવામાન સારું છે.'],
  ['te', 'ఈరోజు వాతావరణం బాగుంది.'],
  ['ta', 'இன்று வானிலை நன்றாக உள்ளது.'],
  ['bn', 'আজ আবহাওয়া ভালো।'],
  ['th', 'วันนี้อากาศดี'],
  ['ko', '오늘 날씨가 좋습니다.'],
];

describe('languageOf', () => {
  it.each(SENTENCES)('knows %s', (language, sentence) => {
    expect(languageOf(sentence)).toBe(language);
  });

  it('goes by the letters that are most, and gives nothing for none', () => {
    expect(languageOf('Sure! ಇಂದು ಹವಾಮಾನ ಚೆನ್ನಾಗಿದೆ ಇಂದು')).toBe('kn');
    expect(languageOf('THE WEATHER IS NICE TODAY')).toBe('en');
    expect(languageOf('12 + 7 = 19 😀')).toBeUndefined();
  });
});
