// One participant, large: traces, values, open alarms, last findings with their strips, past alarms.

import { alarmLine, hasPpg, make, noAlarm, say, show, showsEcg, suspended, trouble } from './grid.js';
import { inOrder, isOpen, quietWords, reason, stateWords } from './alarms.js';
import { evidence, three } from './evidence.js';
import { age, has, language, t, timeOfDay } from './i18n.js';
import { Lane, drawStrip } from './lanes.js';

const ECG_HEIGHT = 200, PPG_HEIGHT = 90, STRIP_HEIGHT = 120;
const READ_AGAIN_MS = 400;

/** Units of values by name; others are shown without. @type {Record<string, string>} */
const UNITS = { heart_rate: 'bpm', spo2: '%', respiration: '/min', ventricular_beats: '/min', ecg_quality: '%' };

/** Units of evidence that has no words of its own, by the end of its name. @type {[RegExp, string][]} */
/** @typedef {import('./main.js').Person} Person */
/** @typedef {import('./main.js').Page} Page */

export class ParticipantView {
  /** @param {HTMLElement} root @param {Page} page */
  constructor(root, page) {
    this.root = root;
    this.page = page;
    /** @type {Person | null} */
    this.person = null;
    /** @type {any} */
    this.history = null;
    this.failed = false;
    this.timer = 0;
    this.alarmsDrawn = '';
    this.build();
  }

  build() {
    this.root.replaceChildren();
    const head = make('div', 'person-head', this.root);
    this.back = /** @type {HTMLButtonElement} */ (make('button', 'back', head));
    this.back.type = 'button';
    this.back.addEventListener('click', () => this.page.closePerson());
    const who = make('div', 'who', head);
    this.name = make('h2', '', who);
    this.name.id = 'person-name';
    this.under = make('div', 'under', who);
    this.why = make('p', 'why', head);
    this.hold = make('p', 'hold', head);
    this.quiet = /** @type {HTMLButtonElement} */ (make('button', 'quiet-all', head));
    this.quiet.type = 'button';
    this.quiet.addEventListener('click', () => this.person && this.page.quiet.open(this.person, null));
    const rate = make('div', 'rate', head);
    this.number = make('output', 'number', rate);
    this.unit = make('span', 'unit', rate);
    const traces = make('div', 'traces', this.root);
    this.ecg = this.lane(traces, 'ecg');
    this.ppg = this.lane(traces, 'ppg');
    this.traces = traces;
    const body = make('div', 'person-body', this.root);
    const left = make('div', 'left', body), right = make('div', 'right', body);
    [this.findingsTitle, this.findings] = this.part(left);
    [this.alarmsTitle, this.alarms] = this.part(right);
    [this.valuesTitle, this.values] = this.part(right);
    [this.pastTitle, this.past] = this.part(right);
  }

  /** @param {Element} parent @returns {[HTMLElement, HTMLElement]} */
  part(parent) {
    const section = make('section', 'part', parent);
    return [make('h3', '', section), make('div', 'list', section)];
  }

  /** @param {HTMLElement} parent @param {string} signal */
  lane(parent, signal) {
    const box = make('div', 'big', parent);
    const canvas = /** @type {HTMLCanvasElement} */ (make('canvas', 'lane', box));
    canvas.setAttribute('aria-hidden', 'true');
    return { box, lane: new Lane(canvas, signal), note: make('span', 'gain', box) };
  }

  /** @param {Person | null} person */
  open(person) {
    const other = person?.id !== this.person?.id;
    this.person = person;
    show(this.root, person !== null);
    if (!person || !other) return;
    this.history = null;
    this.failed = false;
    this.alarmsDrawn = '';
    this.values.replaceChildren();
    this.root.scrollTop = 0;
    this.write();
    this.writeHistory();
    this.read();
    this.back.focus();
  }

  /** Read findings and past alarms again soon; many changes at once are one reading. */
  readSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.read(), READ_AGAIN_MS);
  }

  async read() {
    const person = this.person;
    if (!person) return;
    let history = null;
    try {
      const answer = await fetch(`/api/participants/${encodeURIComponent(person.id)}/findings`);
      if (answer.ok) history = await answer.json();
    } catch { /* told by the banner, and by the words below */ }
    if (person !== this.person) return;
    this.failed = history === null;
    this.history = history ?? this.history;
    this.writeHistory();
  }

  /** Write everything but traces and history. */
  write() {
    const { person, page } = this;
    if (!person) return;
    const now = page.blank ? null : person.summary;
    say(this.back, `← ${t('back')}`);
    say(this.name, person.name);
    say(this.under, [person.id === person.name ? '' : person.id, person.group].filter(Boolean).join(' · '));
    const rate = now && !Number.isNaN(now.heartRate) ? String(Math.round(now.heartRate)) : '--';
    say(this.number, rate);
    const source = now && rate !== '--' && now.source < 3 ? ` ${t(`source.${now.source}`)}` : '';
    say(this.unit, t('unit.rate') + source);
    const why = trouble(person, page);
    say(this.why, why);
    show(this.why, why !== '');
    const hold = page.blank ? '' : suspended(person);
    say(this.hold, hold);
    show(this.hold, hold !== '');
    say(this.quiet, t('quiet'));
    this.quiet.setAttribute('aria-label', t('quiet.label', { name: person.name }));
    this.quiet.disabled = page.blank;
    say(this.findingsTitle, t('part.findings'));
    say(this.alarmsTitle, t('part.alarms'));
    say(this.valuesTitle, t('part.values'));
    say(this.pastTitle, t('part.history'));
    show(this.ppg.box, hasPpg(person));
    show(this.ecg.box, showsEcg(person));
    this.size();
    this.writeAlarms();
    if (page.blank) this.values.replaceChildren();
  }

  size() {
    const width = Math.floor(this.traces.clientWidth);
    if (width <= 0) return;
    this.ecg.lane.resize(width, ECG_HEIGHT);
    this.ppg.lane.resize(width, PPG_HEIGHT);
  }

  writeAlarms() {
    const { person, page } = this;
    if (!person) return;
    const alarms = inOrder(person.alarms.values());
    const acts = person.holds?.inactivations ?? [];
    const counting = acts.length || alarms.some((alarm) => alarm.inactivation);
    const now = page.serverTime();
    const key = JSON.stringify([alarms, acts, [...page.waiting], page.blank, t('acknowledge'), alarms.length || noAlarm(page), counting && Math.ceil(now / 1000)]);
    if (key === this.alarmsDrawn) return;
    this.alarmsDrawn = key;
    const held = document.activeElement;
    const focused = held instanceof HTMLButtonElement && this.alarms.contains(held) ? held.value : '';
    const opened = new Set([...this.alarms.querySelectorAll('details[open]')].map((each) => each.id));
    this.alarms.replaceChildren();
    for (const one of acts) this.writeAct(person, one, now);
    if (!alarms.length) make('p', 'quiet', this.alarms).textContent = noAlarm(page);
    for (const alarm of alarms) this.writeAlarm(person, alarm, now, opened);
    if (focused) {
      const again = [...this.alarms.querySelectorAll('button')].find((each) => each.value === focused);
      again?.focus();
    }
  }

  /** What a person keeps quiet, and the way to end it. @param {Person} person @param {import('./alarms.js').Inactivation} one @param {number} now */
  writeAct(person, one, now) {
    const row = make('div', 'act-row', this.alarms);
    const of = one.alarm ? person.alarms.get(one.alarm)?.code ?? '' : one.code;
    const what = of ? t(`code.${of}`) : t('quiet.everything');
    make('p', '', row).textContent = t('quiet.of', { what, words: quietWords(one, now) });
    make('span', 'since', row).textContent = `${timeOfDay(one.from_ms)} · ${one.by} · ${one.reason}`;
    const end = this.button(row, 'end', t('quiet.end'), one.id, this.page.blank);
    end.addEventListener('click', () => this.page.ask({ type: 'reactivate', inactivation: one.id, participant: person.index }));
  }

  /** @param {HTMLElement} row @param {string} name class @param {string} words @param {string} value @param {boolean} disabled @returns {HTMLButtonElement} */
  button(row, name, words, value, disabled) {
    const button = /** @type {HTMLButtonElement} */ (make('button', name, row));
    button.type = 'button';
    button.value = value;
    button.textContent = words;
    button.disabled = disabled;
    return button;
  }

  /** @param {Person} person @param {import('./alarms.js').Alarm} alarm @param {number} now @param {Set<string>} opened */
  writeAlarm(person, alarm, now, opened) {
    const { page } = this;
    const row = make('div', 'alarm-row', this.alarms);
    row.dataset.priority = alarm.priority;
    row.dataset.open = String(isOpen(alarm));
    alarmLine(make('p', 'alarm', row), alarm, 0, now);
    const words = [t('alarm.since', { time: timeOfDay(alarm.onset_ms) })];
    if (isOpen(alarm) && !alarm.sounding && !alarm.inactivation && alarm.sounds_as !== 'none') words.push(t('alarm.quiet'));
    make('span', 'since', row).textContent = words.join(' · ');
    this.writeGrounds(row, alarm.id, opened);
    if (!isOpen(alarm)) return;
    const waiting = page.waiting.has(alarm.id);
    const off = waiting || page.blank;
    const buttons = make('div', 'row-buttons', row);
    const label = t('acknowledge.label', { reason: reason(alarm), name: person.name });
    const seen = this.button(buttons, 'acknowledge', t(waiting ? 'acknowledging' : 'acknowledge'), alarm.id, off);
    seen.setAttribute('aria-label', label);
    seen.addEventListener('click', () => page.acknowledge(alarm.id));
    for (const [name, useful] of /** @type {[string, boolean][]} */ ([['useful.yes', true], ['useful.no', false]])) {
      const judged = this.button(buttons, 'judge', t(name), `${alarm.id} ${useful}`, off);
      judged.addEventListener('click', () => page.acknowledge(alarm.id, useful));
    }
    const quiet = this.button(buttons, 'judge', t('quiet'), `${alarm.id} quiet`, page.blank);
    quiet.addEventListener('click', () => page.quiet.open(person, alarm));
  }

  /** Why the alarm is there: times, rule, limits, what was found. @param {HTMLElement} row @param {string} id @param {Set<string>} opened */
  writeGrounds(row, id, opened) {
    /** @type {import('./alarms.js').Grounds | undefined} */
    const told = this.history?.alarms.find((/** @type {{id: string}} */ each) => each.id === id);
    if (!told) return;
    const box = /** @type {HTMLDetailsElement} */ (make('details', 'grounds', row));
    box.id = `ground-${id}`;
    box.open = opened.has(box.id);
    make('summary', '', box).textContent = t('ground');
    const list = make('dl', '', box);
    const limits = Object.entries(told.limits).map(([name, value]) => `${name.replaceAll('_', ' ')} ${three(value)}`);
    const grounds = {
      onset: timeOfDay(told.onset_ms),
      raised: told.raised_ms ? timeOfDay(told.raised_ms) : '',
      rule: language() === 'ko' ? told.rule_ko || told.rule : told.rule,
      limits: limits.join(', '),
      evidence: evidence(told.evidence),
      reached: told.reached.join(', '),
    };
    for (const [name, words] of Object.entries(grounds)) {
      if (!words) continue;
      make('dt', '', list).textContent = t(`ground.${name}`);
      make('dd', '', list).textContent = words;
    }
  }

  /** @param {{name: string, values: (number | null)[], age_s: number}[]} values */
  writeValues(values) {
    const table = make('dl', 'values');
    for (const value of values) {
      make('dt', '', table).textContent = t(`value.${value.name}`);
      const number = make('dd', '', table);
      const first = value.values[0];
      if (first === undefined || first === null) {
        number.textContent = `-- (${t('value.stale', { age: age(value.age_s) })})`;
        continue;
      }
      const shown = value.name === 'ecg_quality' ? 100 * first : first; // 0-1, written in percent
      number.textContent = `${three(shown)} ${UNITS[value.name] ?? ''}`;
      if (value.age_s >= 2) number.append(` (${t('value.age', { age: age(value.age_s) })})`);
    }
    this.values.replaceChildren(table);
  }

  writeHistory() {
    this.alarmsDrawn = ''; // their grounds are in the history
    this.writeAlarms();
    this.findings.replaceChildren();
    this.past.replaceChildren();
    const findings = this.history?.findings ?? [], alarms = this.history?.alarms ?? [];
    const none = this.failed ? t('part.failed') : this.history ? t('part.none') : '…';
    if (!findings.length) make('p', 'quiet', this.findings).textContent = none;
    if (!alarms.length) make('p', 'quiet', this.past).textContent = none;
    for (const finding of findings) this.writeFinding(finding);
    const list = make('ul', 'past', this.past);
    for (const alarm of alarms) {
      const row = make('li', '', list);
      row.dataset.priority = alarm.priority;
      row.dataset.open = 'false';
      make('time', '', row).textContent = timeOfDay(alarm.onset_ms);
      alarmLine(make('span', 'alarm', row), alarm, 0, this.page.serverTime());
      if (isOpen(alarm) && !alarm.latched) make('span', 'state', row).textContent = stateWords(alarm);
    }
  }

  /** @param {any} finding */
  writeFinding(finding) {
    const row = make('article', 'finding', this.findings);
    const head = make('p', 'finding-head', row);
    make('strong', '', head).textContent = t(`code.${finding.code}`);
    make('span', '', head).textContent = [timeOfDay(finding.onset_ms), t(`finding.${finding.state}`),
      finding.state === 'offset' ? timeOfDay(finding.at_ms) : ''].filter(Boolean).join(' ');
    const words = language() === 'ko' ? finding.words_ko || finding.words : finding.words;
    make('span', 'evidence', head).textContent = words || evidence(finding.evidence);
    if (!finding.strip) {
      make('p', 'quiet', row).textContent = t('strip.none');
      return;
    }
    const frame = make('div', 'strip', row);
    frame.tabIndex = 0;
    const canvas = /** @type {HTMLCanvasElement} */ (make('canvas', '', frame));
    canvas.setAttribute('role', 'img');
    canvas.setAttribute('aria-label', t('strip.label', { what: t(`code.${finding.code}`) }));
    const gain = drawStrip(canvas, finding.strip, STRIP_HEIGHT);
    const inside = finding.strip.at_ms >= finding.strip.t0_ms;
    make('p', 'strip-note', row).textContent = [
      t('scale.lane', { gain }),
      t(inside ? 'strip.mark' : 'strip.before', { time: timeOfDay(finding.strip.at_ms) }),
    ].join(' · ');
  }

  /** @param {number} now */
  draw(now) {
    if (!this.person) return;
    const feed = this.page.blank ? null : this.page.feeds.get(this.person.index) ?? null;
    const time = feed ? feed.clock.time(now) : NaN;
    this.ecg.lane.bind(feed);
    this.ppg.lane.bind(feed);
    this.ecg.lane.draw(time);
    this.ppg.lane.draw(time);
    say(this.ecg.note, `ECG  ${t('scale.lane', { gain: this.ecg.lane.mmPerMv })}`);
    say(this.ppg.note, t('scale.ppg'));
  }
}
