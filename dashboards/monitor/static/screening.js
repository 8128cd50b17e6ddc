// The page of a day: who is referred, for what, and on which evidence.

import { evidence } from './evidence.js';
import { make } from './grid.js';
import { age, has, language, t, timeOfDay } from './i18n.js';
import { dress, table } from './report.js';

const SHOWN = 5; // pieces of evidence of a reason

/**
 * @typedef {object} Total
 * @property {string} group
 * @property {number} people
 * @property {number} referred
 * @property {number} not_assessed
 * @property {Record<string, number>} by_category
 * @property {Record<string, number>} only
 *
 * @typedef {object} Reason
 * @property {string} criterion
 * @property {string} category
 * @property {Record<string, string>} title
 * @property {{finding: string, code: string, onset_s: number, lasted_s: number, evidence: Record<string, number>}[]} evidence
 *
 * @typedef {object} Person
 * @property {string} participant
 * @property {string} name
 * @property {string} group
 * @property {boolean} referred
 * @property {boolean} assessed
 * @property {number} watched_s
 * @property {Reason[]} reasons
 */

const root = /** @type {HTMLElement} */ (document.getElementById('screening'));
const day = /** @type {HTMLInputElement} */ (document.getElementById('day'));

/** @param {string} category @returns {string} */
function categoryName(category) {
  return has(`category.${category}`) ? t(`category.${category}`) : category;
}

/** @param {string} title @param {Element} content */
function section(title, content) {
  const part = make('section', 'part', root);
  make('h2', '', part).textContent = title;
  part.append(content);
}

/** @param {Total[]} totals @returns {Element} */
function groups(totals) {
  const categories = Object.keys(totals[totals.length - 1].by_category);
  const heads = ['group', 'people', 'referred'].map((name) => t(`screening.${name}`));
  const element = table(
    [...heads, ...categories.map(categoryName), t('screening.not')],
    totals.map((total, i) => [
      i === totals.length - 1 ? t('screening.everybody') : total.group,
      String(total.people),
      String(total.referred),
      ...categories.map((name) => (total.by_category[name]
        ? t('screening.count', { n: total.by_category[name], only: total.only[name] ?? 0 }) : '0')),
      String(total.not_assessed),
    ]),
  );
  element.querySelector('tbody tr:last-child')?.classList.add('all');
  return element;
}

/** @param {Person[]} people @returns {Element} */
function referred(people) {
  const list = make('ul', 'referred');
  for (const person of people) {
    const line = make('li', '', list);
    const link = /** @type {HTMLAnchorElement} */ (make('a', 'person', line));
    link.href = `/#p=${encodeURIComponent(person.participant)}`;
    link.textContent = person.name || person.participant;
    const about = [person.name ? person.participant : '', person.group, t('screening.watched', { time: age(person.watched_s) })];
    make('span', 'about', line).textContent = about.filter(Boolean).join(' · ');
    for (const category of new Set(person.reasons.map((reason) => reason.category))) {
      make('span', 'category', line).textContent = categoryName(category);
    }
    const reasons = make('ul', '', line);
    for (const reason of person.reasons) {
      for (const one of reason.evidence.slice(0, SHOWN)) {
        const entry = make('li', '', reasons);
        make('time', '', entry).textContent = timeOfDay(1000 * one.onset_s);
        const words = [has(`code.${one.code}`) ? t(`code.${one.code}`) : reason.title[language()]];
        if (one.lasted_s) words.push(t('screening.lasted', { time: age(one.lasted_s) }));
        const said = evidence(one.evidence);
        entry.append(words.join(' ') + (said ? `: ${said}` : ''));
      }
      const more = reason.evidence.length - SHOWN;
      if (more > 0) make('li', 'about', reasons).textContent = t('screening.more', { n: more });
    }
  }
  return list;
}

/** @param {{day: string, least_watched_s: number, totals: Total[], people: Person[]}} told */
function write(told) {
  root.replaceChildren();
  day.value = told.day;
  const all = told.totals[told.totals.length - 1];
  make('p', 'lead', root).textContent = t('screening.lead', { referred: all.referred, people: all.people });
  if (all.not_assessed) {
    make('p', '', root).textContent = t('screening.unassessed', { n: all.not_assessed, min: told.least_watched_s / 60 });
  }
  make('p', 'quiet', root).textContent = t('screening.basis');
  section(t('screening.groups'), groups(told.totals));
  const who = told.people.filter((person) => person.referred);
  if (who.length) section(t('screening.who'), referred(who));
  else make('p', '', root).textContent = t('screening.nobody');
}

async function read() {
  try {
    const answer = await fetch(`/api/screening${day.value ? `?day=${day.value}` : ''}`);
    if (!answer.ok) throw new Error(String(answer.status));
    write(await answer.json());
  } catch {
    root.replaceChildren();
    make('p', 'lead', root).textContent = t('part.failed');
  }
}

day.addEventListener('change', read);
dress(() => day.setAttribute('aria-label', t('screening.day')), read);
