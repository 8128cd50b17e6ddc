// What the pages of reports share: tables, and words in the chosen language.

import { make, say } from './grid.js';
import { language, switchLanguage, t } from './i18n.js';

/** @param {string[]} heads @param {(string | Element)[][]} rows */
export function table(heads, rows) {
  const element = make('table', '');
  const head = make('tr', '', make('thead', '', element));
  for (const words of heads) make('th', '', head).textContent = words;
  const body = make('tbody', '', element);
  for (const row of rows) {
    const line = make('tr', '', body);
    for (const cell of row) make('td', '', line).append(cell);
  }
  return element;
}

/** Say everything in the language chosen, now and when it is changed. @param {() => void} words @param {() => void} read */
export function dress(words, read) {
  const button = /** @type {HTMLButtonElement} */ (document.getElementById('language'));
  const both = () => {
    document.documentElement.lang = language();
    for (const each of document.querySelectorAll('[data-i18n]')) say(each, t(/** @type {HTMLElement} */ (each).dataset.i18n ?? ''));
    say(button, t('language'));
    words();
    read();
  };
  button.addEventListener('click', () => {
    switchLanguage();
    both();
  });
  both();
}
