// The page of burden: how much alarms ask of people, and which codes make most of the noise.

import { PRIORITIES, glyph } from './alarms.js';
import { make } from './grid.js';
import { age, t } from './i18n.js';
import { dress, table } from './report.js';

const SPANS = [1, 7, 30, 365]; // days
/** Goals of CLINICAL section 4, audible alarms a person and day; the last of all together. @type {Record<string, number>} */
const GOALS = { high: 0.05, medium: 0.5, all: 1 };

/**
 * @typedef {object} Burden
 * @property {number} person_days
 * @property {number} alarms
 * @property {number} audible
 * @property {Record<string, number>} per_day_by_priority
 * @property {Record<string, number>} per_day_by_code
 * @property {number} judged
 * @property {number | null} useful_share
 * @property {Record<string, number>} useful_by_code
 * @property {Record<string, {n: number, median_s: number | null, p90_s: number | null}>} answers
 * @property {[string, number][]} noisiest
 */

const root = /** @type {HTMLElement} */ (document.getElementById('burden'));
const days = /** @type {HTMLSelectElement} */ (document.getElementById('days'));

/** @param {number | null | undefined} value @returns {string} */
function figure(value) {
  if (value === null || value === undefined) return '–';
  return value >= 10 ? value.toFixed(0) : value >= 0.995 ? value.toFixed(1) : value.toFixed(2);
}

/** @param {number | null | undefined} share @returns {string} */
function percent(share) {
  return share === null || share === undefined ? '–' : `${Math.round(100 * share)} %`;
}

/** @param {number | null | undefined} s @returns {string} */
function time(s) {
  return s === null || s === undefined ? '–' : age(s);
}

/** A bar beside its number. @param {number} value @param {number} most @returns {Element} */
function bar(value, most) {
  const box = make('span', 'bar');
  const meter = /** @type {HTMLMeterElement} */ (make('meter', '', box));
  meter.max = most || 1;
  meter.value = value;
  make('b', '', box).textContent = figure(value);
  return box;
}

/** @param {string} title @param {Element} content */
function section(title, content) {
  const part = make('section', 'part', root);
  make('h2', '', part).textContent = title;
  part.append(content);
}

/** @param {string} priority @returns {Element} */
function named(priority) {
  const cell = make('span', 'named');
  cell.dataset.priority = priority;
  if (priority !== 'all') cell.append(glyph(priority));
  cell.append(t(priority === 'all' ? 'burden.all' : `priority.${priority}`));
  return cell;
}

/** @param {Burden} told */
function write(told) {
  root.replaceChildren();
  const all = told.person_days ? told.audible / told.person_days : null;
  make('p', 'lead', root).textContent = t('burden.lead', {
    audible: told.audible, alarms: told.alarms, days: figure(told.person_days), per: figure(all),
  });
  make('p', 'quiet', root).textContent = t('burden.whole');
  if (told.noisiest.length) {
    const names = told.noisiest.map(([code, share]) => `${t(`code.${code}`)} ${percent(share)}`).join(', ');
    make('p', '', root).textContent = t('burden.noisiest', { names });
  }
  make('p', '', root).textContent = told.judged
    ? t('burden.useful', { percent: percent(told.useful_share), n: told.judged }) : t('burden.unjudged');
  const rates = [...PRIORITIES, 'all'].map((priority) => {
    const rate = priority === 'all' ? all : told.per_day_by_priority[priority] ?? 0;
    const goal = GOALS[priority];
    const met = goal === undefined || rate === null ? '' : t(rate <= goal ? 'burden.met' : 'burden.missed', { goal });
    const answer = told.answers[priority];
    return [named(priority), figure(rate), met, String(answer?.n ?? 0), time(answer?.median_s), time(answer?.p90_s)];
  });
  section(t('burden.priorities'), table(
    ['priority', 'rate', 'goal', 'answered', 'median', 'p90'].map((name) => t(`burden.${name}`)), rates,
  ));
  const codes = Object.entries(told.per_day_by_code).sort((a, b) => b[1] - a[1]);
  const most = codes[0]?.[1] ?? 1;
  section(t('burden.codes'), table(
    ['code', 'rate', 'worth'].map((name) => t(`burden.${name}`)),
    codes.map(([code, rate]) => [t(`code.${code}`), bar(rate, most), percent(told.useful_by_code[code])]),
  ));
}

async function read() {
  try {
    const answer = await fetch(`/api/burden?days=${days.value}`);
    if (!answer.ok) throw new Error(String(answer.status));
    write(await answer.json());
  } catch {
    root.replaceChildren();
    make('p', 'lead', root).textContent = t('part.failed');
  }
}

function words() {
  const chosen = days.value || '7';
  days.replaceChildren();
  for (const n of SPANS) {
    const option = /** @type {HTMLOptionElement} */ (make('option', '', days));
    option.value = String(n);
    option.textContent = t('burden.span', { n });
  }
  days.value = chosen;
  days.setAttribute('aria-label', t('burden.span.label'));
}

days.addEventListener('change', read);
dress(words, read);
