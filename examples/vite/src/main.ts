import { load } from 'smollm2';

const form = document.querySelector('form') as HTMLFormElement;
const button = form.querySelector('button') as HTMLButtonElement;
const answer = document.querySelector('pre') as HTMLPreElement;

const show = (error: unknown) => (answer.textContent = `${error}`);
const loading = load('/model.gguf', {
  onDownload: (done, total = done) => (answer.textContent = `${Math.round((100 * done) / total)} %`),
});
loading.then(() => {
  answer.textContent = 'ready';
  button.disabled = false;
}, show);
form.onsubmit = async (event) => {
  event.preventDefault();
  if (button.disabled) return; // Enter before the model is there, or during an answer
  button.disabled = true;
  answer.textContent = '';
  try {
    const question = String(new FormData(form).get('question'));
    for await (const { text } of (await loading).chat(question, { temperature: 0 })) answer.append(text);
  } catch (error) {
    show(error);
  }
  button.disabled = false;
};
