// The dialogue that keeps alarms quiet for a while: what, how, how long and why. Nothing is decided here.

import { reason } from './alarms.js';
import { make } from './grid.js';
import { age, t } from './i18n.js';

/** How long each kind may be chosen, s; the server has the last word. @type {Record<string, number[]>} */
const KINDS = {
  audio_paused: [60, 120],
  audio_off: [600, 1800, 3600],
  alarm_paused: [60, 120],
  alarm_off: [1800, 3600, 14400],
};
const REASONS = 3; // ready-made ones in the list of words

/** @typedef {import('./main.js').Person} Person */
/** @typedef {import('./alarms.js').Alarm} Alarm */

export class QuietDialog {
  /** @param {import('./main.js').Page} page */
  constructor(page) {
    this.page = page;
    this.root = /** @type {HTMLDialogElement} */ (make('dialog', 'quiet-dialog', document.body));
    this.root.addEventListener('click', (event) => {
      if (event.target === this.root) this.root.close(); // the ground around it
    });
  }

  /** @param {Person} person @param {Alarm | null} alarm the one it was opened from */
  open(person, alarm) {
    const form = /** @type {HTMLFormElement} */ (make('form', ''));
    make('h2', '', form).textContent = t('quiet.title', { name: person.name });
    /** @type {Record<string, string>} */
    const scopes = { all: t('quiet.all', { name: person.name }) };
    if (alarm) {
      scopes.code = t('quiet.code', { title: t(`code.${alarm.code}`) });
      scopes.alarm = t('quiet.alarm', { reason: reason(alarm) });
    }
    const scope = choice(form, t('quiet.what'), Object.entries(scopes).reverse());
    const kind = choice(form, t('quiet.how'), Object.keys(KINDS).map((key) => [key, t(`quiet.kind.${key}`)]));
    const long = choice(form, t('quiet.long'), []);
    const lengths = () => fill(long, KINDS[kind.value].map((s) => [String(s), age(s)]).reverse());
    kind.addEventListener('change', lengths);
    lengths();
    const label = make('label', '', form);
    make('span', '', label).textContent = t('quiet.why');
    const why = /** @type {HTMLInputElement} */ (make('input', '', label));
    why.required = true;
    why.maxLength = 200;
    why.setAttribute('list', 'quiet-reasons');
    why.autocomplete = 'off';
    const ready = make('datalist', '', form);
    ready.id = 'quiet-reasons';
    for (let k = 0; k < REASONS; k++) make('option', '', ready).setAttribute('value', t(`quiet.why.${k}`));
    const foot = make('div', 'dialog-foot', form);
    const cancel = /** @type {HTMLButtonElement} */ (make('button', '', foot));
    cancel.type = 'button';
    cancel.textContent = t('quiet.cancel');
    cancel.addEventListener('click', () => this.root.close());
    make('button', 'acknowledge', foot).textContent = t('quiet.do');
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.page.ask({
        type: 'inactivate', kind: kind.value, participant: person.index, seconds: Number(long.value),
        code: scope.value === 'code' ? alarm?.code ?? '' : '',
        alarm: scope.value === 'alarm' ? alarm?.id ?? '' : '',
        reason: why.value.trim() || t('quiet.why.0'),
      });
      this.root.close();
    });
    this.root.replaceChildren(form);
    this.root.showModal();
    why.focus();
  }
}

/** @param {HTMLElement} form @param {string} words @param {[string, string][]} options @returns {HTMLSelectElement} */
function choice(form, words, options) {
  const label = make('label', '', form);
  make('span', '', label).textContent = words;
  const select = /** @type {HTMLSelectElement} */ (make('select', '', label));
  fill(select, options);
  return select;
}

/** @param {HTMLSelectElement} select @param {[string, string][]} options */
function fill(select, options) {
  select.replaceChildren();
  for (const [value, words] of options) {
    const option = /** @type {HTMLOptionElement} */ (make('option', '', select));
    option.value = value;
    option.textContent = words;
  }
}
