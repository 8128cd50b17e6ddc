// The page of all participants: only the tiles in view exist; tile k is the k-th participant in view.

import { glyph, inOrder, isOpen, quietGlyph, quietWords, reason, stateWords } from './alarms.js';
import { age, t } from './i18n.js';
import { Lane } from './lanes.js';

const MIN_TILE = 350, GAP = 8, TILE_HEIGHT = 236;
const ECG_HEIGHT = 84, PPG_HEIGHT = 28;
const UNSEEN_S = 10; // an engine so far behind has not looked at what the page shows
const FLAGS = { ecg: 1, ppg: 2, lead: 4, flat: 8, railed: 16, noisy: 32 };

/** @typedef {import('./alarms.js').Alarm} Alarm */
/** @typedef {import('./main.js').Person} Person */
/** @typedef {import('./main.js').Page} Page */

/** @param {string} tag @param {string} name class @param {Element} [parent] @returns {HTMLElement} */
export function make(tag, name, parent) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  parent?.append(element);
  return element;
}

/** Set text only when it differs: layout stays clean. @param {Element} element @param {string} text */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Show or hide. @param {HTMLElement} element @param {boolean} shown */
export function show(element, shown) {
  if (element.hidden === shown) element.hidden = !shown;
}

/** Why a value is blank or doubtful, in words; empty when all is well. @param {Person} person @param {Page} page @returns {string} */
export function trouble(person, page) {
  const now = person.summary;
  if (page.blank) return t('why.connection');
  if (!now || (Number.isNaN(now.ecgAge) && Number.isNaN(now.ppgAge) && Number.isNaN(now.heartRateAge))) {
    return t('why.never');
  }
  if (now.ecgAge > 2) return t('why.noecg', { age: age(now.ecgAge) });
  if (now.flags & FLAGS.lead) return t('why.lead');
  if (now.flags & FLAGS.railed) return t('why.railed');
  if (now.flags & FLAGS.flat) return t('why.flat');
  const ppgAlone = !hasEcg(person) && Number.isNaN(now.heartRateAge);
  if (Number.isNaN(now.heartRate) && !ppgAlone) {
    if (page.status.phase === 'compiling') return ''; // said once, in the header and at the foot of the tile
    return now.heartRateAge > 3 ? t('why.rate', { age: age(now.heartRateAge) }) : t('why.waiting');
  }
  if (now.flags & FLAGS.noisy) return t('why.noisy');
  if (now.ppgAge > 2) return t('why.noppg', { age: age(now.ppgAge) });
  return ppgAlone ? t('why.pulse') : '';
}

/** @param {Person} person @returns {boolean} */
function hasEcg(person) {
  return ((person.summary?.flags ?? 0) & FLAGS.ecg) !== 0;
}

/** @param {Person} person @returns {boolean} */
export function hasPpg(person) {
  return ((person.summary?.flags ?? 0) & FLAGS.ppg) !== 0;
}

/** The place of the ECG is kept free for it, unless there is a PPG alone. @param {Person} person @returns {boolean} */
export function showsEcg(person) {
  return hasEcg(person) || !hasPpg(person);
}

/** Why new alarms of somebody wait, in words; empty when none do. @param {Person} person @returns {string} */
export function suspended(person) {
  return (person.holds?.suspensions ?? []).map(({ signal, code }) => {
    const why = t(`code.${code}`);
    return signal === 'all' ? t('suspended.all', { why }) : t('suspended', { signal: t(`signal.${signal}`), why });
  }).join(' · ');
}

/** What is said where there is no alarm, by how far anybody has looked. @param {Page} page @returns {string} */
export function noAlarm(page) {
  const { phase, lag_s: lag, silent_s: silent } = page.status;
  if (page.blank || phase === 'failed') return t('alarm.unknown');
  if (phase === 'starting' || phase === 'compiling') return t('alarm.unwatched');
  const s = Math.floor((lag ?? 0) + (silent ?? 0));
  return phase !== 'ended' && s >= UNSEEN_S ? t('alarm.behind', { s }) : t('alarm.none');
}

/** Fill two lines with one alarm: shape, priority word and state; the reason. @param {Element} line @param {Alarm | undefined} alarm @param {number} more @param {number} now ms of the server @param {string} none words for no alarm */
export function alarmLine(line, alarm, more, now, none = '') {
  line.replaceChildren();
  if (!alarm) {
    make('span', 'quiet', line).textContent = none;
    return;
  }
  const top = make('span', 'top', line);
  top.append(glyph(alarm.priority));
  make('strong', 'word', top).textContent = t(`priority.${alarm.priority}`);
  if (alarm.inactivation) {
    top.append(quietGlyph(alarm.inactivation.kind));
    make('span', 'state', top).textContent = quietWords(alarm.inactivation, now);
  } else if (!isOpen(alarm) || alarm.latched) {
    make('span', 'state', top).textContent = stateWords(alarm);
  }
  if (more) make('span', 'more', top).textContent = t('alarm.more', { n: more });
  make('span', 'reason', line).textContent = reason(alarm);
}

/** One tile; its participant changes as the order does. */
class Tile {
  /** @param {HTMLElement} parent @param {Page} page */
  constructor(parent, page) {
    this.page = page;
    /** @type {Person | null} */
    this.person = null;
    this.drawn = '';
    this.width = 0;
    this.root = make('article', 'tile', parent);
    this.root.setAttribute('role', 'listitem');
    const head = make('div', 'tile-head', this.root);
    const who = make('div', 'who', head);
    this.open = /** @type {HTMLButtonElement} */ (make('button', 'name', who));
    this.open.type = 'button';
    const under = make('div', 'under', who);
    this.id = make('span', 'id', under);
    this.quality = make('span', 'quality', under);
    this.extra = make('div', 'extra', head);
    this.rate = make('div', 'rate', head);
    this.number = make('output', 'number', this.rate);
    this.unit = make('span', 'unit', this.rate);
    this.traces = make('div', 'traces', this.root);
    const ecg = /** @type {HTMLCanvasElement} */ (make('canvas', 'lane', this.traces));
    const ppg = /** @type {HTMLCanvasElement} */ (make('canvas', 'lane', this.traces));
    ecg.setAttribute('aria-hidden', 'true');
    ppg.setAttribute('aria-hidden', 'true');
    this.ecg = new Lane(ecg, 'ecg');
    this.ppg = new Lane(ppg, 'ppg');
    this.gain = make('span', 'gain', this.traces);
    this.why = make('p', 'why', this.traces);
    const foot = make('div', 'tile-foot', this.root);
    this.alarm = make('p', 'alarm', foot);
    this.button = /** @type {HTMLButtonElement} */ (make('button', 'acknowledge', foot));
    this.button.type = 'button';
    /** The alarm the button was pressed for, so that a change under the finger harms nobody. */
    this.pressed = '';
    // The name is the button for keyboards and readers; for a mouse the whole tile opens.
    this.root.addEventListener('click', (event) => {
      const pressed = /** @type {Element} */ (event.target).closest('button');
      if (this.person && (!pressed || pressed === this.open)) page.openPerson(this.person);
    });
    this.button.addEventListener('pointerdown', () => { this.pressed = this.button.value; });
    this.button.addEventListener('click', () => {
      page.acknowledge(this.pressed || this.button.value);
      this.pressed = '';
    });
  }

  /** @param {Person | null} person @param {number} place @param {number} of */
  assign(person, place, of) {
    this.root.setAttribute('aria-posinset', String(place + 1));
    this.root.setAttribute('aria-setsize', String(of));
    show(this.root, person !== null);
    if (person === this.person) return;
    this.person = person;
    this.drawn = '';
  }

  /** @param {number} width @param {number} x @param {number} y */
  place(width, x, y) {
    this.root.style.width = `${width}px`;
    this.root.style.transform = `translate(${x}px, ${y}px)`;
    this.width = width;
    this.size();
  }

  size() {
    const inner = Math.floor(this.width - 18);
    const ppg = this.person !== null && hasPpg(this.person);
    const ecg = this.person === null || showsEcg(this.person);
    show(this.ecg.canvas, ecg);
    show(this.ppg.canvas, ppg);
    if (ecg) this.ecg.resize(inner, ppg ? ECG_HEIGHT : ECG_HEIGHT + PPG_HEIGHT);
    if (ppg) this.ppg.resize(inner, ecg ? PPG_HEIGHT : ECG_HEIGHT + PPG_HEIGHT);
  }

  /** Write everything but the traces. */
  write() {
    const { person, page } = this;
    if (!person) return;
    const now = page.blank ? null : person.summary;
    const alarms = inOrder(person.alarms.values());
    const first = alarms[0];
    say(this.open, person.name);
    say(this.id, person.name === person.id ? person.group : person.id);
    show(this.id, this.id.textContent !== '');
    const rate = now && !Number.isNaN(now.heartRate) ? String(Math.round(now.heartRate)) : '--';
    say(this.number, rate);
    this.number.classList.toggle('blank', rate === '--' || (now !== null && now.ecgAge > 2 && now.source === 0));
    const source = now && rate !== '--' && now.source < 3 ? ` ${t(`source.${now.source}`)}` : '';
    say(this.unit, t('unit.rate') + source);
    const known = now && !Number.isNaN(now.quality);
    say(this.quality, known ? t('quality', { percent: Math.round(100 * now.quality) }) : t('quality.none'));
    const extra = [];
    if (now && !Number.isNaN(now.spo2)) extra.push(`SpO2 ${Math.round(now.spo2)} %`);
    if (now && !Number.isNaN(now.respiration)) extra.push(`RR ${Math.round(now.respiration)}/min`);
    if (now && now.ventricular > 0) extra.push(`PVC ${Math.round(now.ventricular)}/min`);
    say(this.extra, extra.join('\n'));
    const why = trouble(person, page);
    say(this.why, why);
    show(this.why, why !== '');
    const waveAge = !now || hasEcg(person) ? now?.ecgAge : now.ppgAge;
    this.root.classList.toggle('stale', page.blank || !((waveAge ?? NaN) <= 2));
    this.size();
    this.writeAlarm(person, first, alarms.length - 1);
    this.open.setAttribute('aria-label', [
      t('open', { name: person.name, id: person.id }), `${rate} ${t('unit.rate')}`, why,
      first ? `${t(`priority.${first.priority}`)}: ${reason(first)}` : noAlarm(page),
    ].filter(Boolean).join(', '));
  }

  /** @param {Person} person @param {Alarm | undefined} first @param {number} more */
  writeAlarm(person, first, more) {
    const open = first !== undefined && isOpen(first);
    const waiting = first !== undefined && this.page.waiting.has(first.id);
    const { blank } = this.page;
    const now = this.page.serverTime();
    const left = first?.inactivation ? Math.ceil((first.inactivation.until_ms - now) / 1000) : 0;
    const held = first || blank ? '' : suspended(person) || this.quietOf(person, now);
    const words = held || noAlarm(this.page);
    const key = JSON.stringify([first, more, waiting, blank, t('acknowledge'), left, first ? '' : words]);
    if (key === this.drawn) return;
    this.drawn = key;
    this.root.dataset.priority = first?.priority ?? 'none';
    this.root.dataset.open = String(open);
    alarmLine(this.alarm, first, more, now, words);
    this.root.dataset.quiet = String(Boolean(first?.inactivation));
    show(this.button, open);
    this.button.disabled = waiting || blank;
    this.button.value = first?.id ?? '';
    say(this.button, waiting ? t('acknowledging') : t('acknowledge'));
    if (first) {
      this.button.setAttribute('aria-label',
        t('acknowledge.label', { reason: reason(first), name: person.name }));
    }
  }

  /** What a person has made quiet though no alarm is open. @param {Person} person @param {number} now */
  quietOf(person, now) {
    const one = person.holds?.inactivations[0];
    return one ? quietWords(one, now) : '';
  }

  /** @param {number} now page time */
  draw(now) {
    const feed = this.person && !this.page.blank ? this.page.feeds.get(this.person.index) ?? null : null;
    this.ecg.bind(feed);
    this.ppg.bind(feed);
    const time = feed ? feed.clock.time(now) : NaN;
    if (!this.ecg.canvas.hidden) this.ecg.draw(time);
    if (!this.ppg.canvas.hidden) this.ppg.draw(time);
    const gain = this.ecg.canvas.hidden || this.ecg.gain === 1 ? '' : `${this.ecg.mmPerMv} mm/mV`;
    say(this.gain, gain);
  }
}

/** The scrolling grid. */
export class Grid {
  /** @param {HTMLElement} root @param {HTMLElement} sizer @param {Page} page */
  constructor(root, sizer, page) {
    this.root = root;
    this.sizer = sizer;
    this.page = page;
    /** @type {Tile[]} */
    this.tiles = [];
    /** @type {Person[]} */
    this.order = [];
    this.columns = 1;
    this.first = 0;
    this.heldUntil = 0;
    this.heldSince = 0;
    root.addEventListener('scroll', () => this.layout(), { passive: true });
    new ResizeObserver(() => this.layout()).observe(root);
    root.addEventListener('pointermove', () => this.hold(), { passive: true });
    root.addEventListener('pointerdown', () => this.hold(), { passive: true });
    root.addEventListener('keydown', (event) => this.onKey(event));
  }

  /** Somebody is aiming: keep tiles where they are for a moment, but never for long. */
  hold() {
    const now = performance.now();
    if (now > this.heldUntil) this.heldSince = now;
    this.heldUntil = Math.min(now + 600, this.heldSince + 3000);
  }

  /** @returns {boolean} */
  get held() {
    return performance.now() < this.heldUntil;
  }

  /** @param {Person[]} order */
  setOrder(order) {
    const focused = this.focusedPerson();
    this.order = order;
    this.layout();
    if (focused) this.focus(focused, false);
  }

  /** @returns {Person | null} */
  focusedPerson() {
    const tile = this.tiles.find((each) => each.root.contains(document.activeElement));
    return tile?.person ?? null;
  }

  layout() {
    const width = this.root.clientWidth - 2 * GAP;
    if (width <= 0) return;
    this.columns = Math.max(1, Math.floor((width + GAP) / (MIN_TILE + GAP)));
    const tileWidth = Math.floor((width - (this.columns - 1) * GAP) / this.columns);
    const row = TILE_HEIGHT + GAP;
    const rows = Math.ceil(this.order.length / this.columns);
    this.sizer.style.height = `${rows * row + GAP}px`;
    const firstRow = Math.max(0, Math.floor((this.root.scrollTop - GAP) / row));
    const lastRow = Math.ceil((this.root.scrollTop + this.root.clientHeight) / row);
    this.first = firstRow * this.columns;
    const needed = (lastRow - firstRow) * this.columns;
    while (this.tiles.length < needed) this.tiles.push(new Tile(this.sizer, this.page));
    this.tiles.forEach((tile, k) => {
      const place = this.first + k;
      const person = k < needed ? this.order[place] ?? null : null;
      tile.assign(person, place, this.order.length);
      if (!person) return;
      tile.place(tileWidth, GAP + (place % this.columns) * (tileWidth + GAP),
        GAP + Math.floor(place / this.columns) * row);
      tile.write();
    });
    this.page.watchSoon();
  }

  /** @returns {number[]} indices of the participants in view */
  visible() {
    return this.tiles.flatMap((tile) => (tile.person ? [tile.person.index] : []));
  }

  write() {
    for (const tile of this.tiles) tile.write();
  }

  /** @param {number} now */
  draw(now) {
    for (const tile of this.tiles) if (tile.person) tile.draw(now);
  }

  /** @param {Person} person @param {boolean} [scroll] */
  focus(person, scroll = true) {
    const place = this.order.indexOf(person);
    if (place < 0) return;
    if (scroll) {
      const top = Math.floor(place / this.columns) * (TILE_HEIGHT + GAP);
      const bottom = top + TILE_HEIGHT + 2 * GAP;
      if (top < this.root.scrollTop) this.root.scrollTop = top;
      else if (bottom > this.root.scrollTop + this.root.clientHeight) {
        this.root.scrollTop = bottom - this.root.clientHeight;
      }
      this.layout();
    }
    const tile = this.tiles[place - this.first];
    if (tile && tile.person === person) tile.open.focus({ preventScroll: true });
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    const person = this.focusedPerson();
    const place = person ? this.order.indexOf(person) : -1;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.columns, ArrowUp: -this.columns }[event.key];
    if (step !== undefined && this.order.length) {
      const next = place < 0 ? 0 : Math.max(0, Math.min(this.order.length - 1, place + step));
      this.focus(this.order[next]);
      event.preventDefault();
    } else if (event.key.toLowerCase() === 'a' && person && !event.ctrlKey && !event.metaKey) {
      const first = inOrder(person.alarms.values()).find(isOpen);
      if (first) this.page.acknowledge(first.id);
      event.preventDefault();
    }
  }
}
