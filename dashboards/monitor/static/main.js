// The page: holds what the server told, orders the tiles, runs the one drawing loop.

import { PRIORITIES, glyph, inOrder, isOpen, reason, tally } from './alarms.js';
import { Grid, make, say, show } from './grid.js';
import { language, switchLanguage, t } from './i18n.js';
import { Feed } from './lanes.js';
import { ParticipantView } from './participant.js';
import { QuietDialog } from './quiet.js';
import { Connection } from './socket.js';
import { Sounder, worst } from './sound.js';

const BLANK_AFTER_MS = 3000; // without word from the server nothing on the page may look current
const WATCH_AFTER_MS = 120;
const ANSWER_WITHIN_MS = 5000;
const BEHIND_S = 2; // s; the header says so in words of its own from here on
const CALM = 12; // level of those without alarms, before the server has told
const STILL_MS = 100; // between drawings for those who ask for reduced motion

/**
 * @typedef {object} Person
 * @property {number} index
 * @property {string} id
 * @property {string} name
 * @property {string} group
 * @property {string} search
 * @property {import('./socket.js').SummaryRow | null} summary
 * @property {Map<string, import('./alarms.js').Alarm>} alarms
 * @property {import('./alarms.js').Holds | null} holds
 */

const element = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));

export class Page {
  constructor() {
    /** @type {Map<number, Person>} */
    this.people = new Map();
    /** @type {Map<number, Feed>} */
    this.feeds = new Map();
    /** Acknowledgements on their way: alarm id to page time. @type {Map<string, number>} */
    this.waiting = new Map();
    this.status = { phase: 'unknown', lag_s: null, silent_s: null, detail: '' };
    this.blank = true;
    this.simulated = false;
    this.operator = '';
    this.filter = '';
    this.onlyAlarms = false;
    this.orderChanged = false;
    this.watching = '';
    this.watchTimer = 0;
    this.drawnAt = 0;
    this.frames = 0;
    this.written = false;
    this.tallied = '';
    this.toastTimer = 0;
    this.sounder = new Sounder();
    this.serverAhead = NaN; // ms from the page's clock to the server's
    this.reduced = matchMedia('(prefers-reduced-motion: reduce)');
    this.grid = new Grid(element('grid'), element('sizer'), this);
    this.quiet = new QuietDialog(this);
    this.view = new ParticipantView(element('participant'), this);
    this.connection = new Connection(
      `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws`,
      {
        onJson: (message) => this.onJson(message),
        onWave: (row) => this.feeds.get(row.participant)?.append(row),
        onSummary: (row) => this.onSummary(row),
      },
    );
    this.listen();
    this.writeWords();
    setInterval(() => this.tend(), 500);
    requestAnimationFrame((now) => this.draw(now));
  }

  listen() {
    const filter = /** @type {HTMLInputElement} */ (element('filter'));
    filter.addEventListener('input', () => {
      this.filter = filter.value.trim().toLowerCase();
      this.reorder();
    });
    element('tools').addEventListener('submit', (event) => {
      event.preventDefault();
      if (this.grid.order.length) this.grid.focus(this.grid.order[0]);
    });
    element('only').addEventListener('click', () => {
      this.onlyAlarms = !this.onlyAlarms;
      element('only').setAttribute('aria-pressed', String(this.onlyAlarms));
      this.reorder();
    });
    element('sound').addEventListener('click', async () => {
      await (this.sounder.on ? this.sounder.stop() : this.sounder.start());
      this.sound();
    });
    element('language').addEventListener('click', () => {
      switchLanguage();
      this.writeWords();
    });
    element('elsewhere').addEventListener('click', () => this.showUrgent());
    window.addEventListener('hashchange', () => this.followHash());
    window.addEventListener('resize', () => this.view.size());
    document.addEventListener('keydown', (event) => {
      const typing = document.activeElement === filter;
      if (event.key === 'Escape') {
        if (typing && filter.value) return;
        if (this.view.person) this.closePerson();
        else if (typing) element('grid').focus();
      } else if (event.key === '/' && !typing && !this.view.person) {
        filter.focus();
        event.preventDefault();
      } else if (event.key.startsWith('Arrow') && document.activeElement === document.body && !this.view.person) {
        this.grid.onKey(event);
      }
    });
  }

  /** @param {any} message */
  onJson(message) {
    if (message.type === 'hello') this.onHello(message);
    else if (message.type === 'participants') {
      this.simulated = message.simulated;
      this.onParticipants(message.participants);
    } else if (message.type === 'alarms') this.onAlarms(message.alarms, true);
    else if (message.type === 'holds') this.onHolds(message.holds);
    else if (message.type === 'status') {
      this.status = message;
      this.setServerTime(message.now_ms);
    } else if (message.type === 'refused') {
      this.waiting.delete(message.alarm);
      this.tell(t(message.alarm ? 'acknowledge.refused' : 'refused', { reason: message.reason }));
    } else if (message.type === 'asked') {
      // Somebody on another page has acknowledged it; the answer comes as a change of the alarm.
      this.waiting.set(message.alarm, performance.now());
      this.write();
    } else if (message.participant === this.view.person?.index) {
      if (message.type === 'history') this.view.readSoon();
      else if (message.type === 'values') this.view.writeValues(message.values);
    }
  }

  /** @param {any} hello */
  onHello(hello) {
    this.people.clear();
    this.feeds.clear();
    this.waiting.clear();
    this.watching = '';
    this.simulated = hello.simulated;
    this.operator = hello.operator;
    this.status = hello.status;
    this.onParticipants(hello.participants);
    this.onAlarms(hello.alarms, false);
    this.onHolds(hello.holds);
    this.setServerTime(hello.now_ms);
    this.setBlank(false);
    this.reorder();
    this.followHash();
    this.view.readSoon();
    this.writeHeader();
  }

  /** @param {{i: number, id: string, name: string, group: string}[]} listed */
  onParticipants(listed) {
    const before = this.people;
    this.people = new Map();
    for (const { i, id, name, group } of listed) {
      const known = before.get(i);
      this.people.set(i, {
        index: i, id, name, group, search: `${name}\n${id}\n${group}`.toLowerCase(),
        summary: known?.summary ?? null, alarms: known?.alarms ?? new Map(), holds: known?.holds ?? null,
      });
    }
    const open = this.view.person;
    if (open) this.view.person = this.people.get(open.index) ?? null;
    this.orderChanged = true;
  }

  /** @param {import('./alarms.js').Alarm[]} alarms @param {boolean} news */
  onAlarms(alarms, news) {
    for (const alarm of alarms) {
      const person = this.people.get(alarm.participant ?? -1);
      if (!person) continue;
      const fresh = !person.alarms.has(alarm.id);
      if (alarm.shown) person.alarms.set(alarm.id, alarm);
      else person.alarms.delete(alarm.id);
      this.waiting.delete(alarm.id);
      if (news && fresh && alarm.shown && isOpen(alarm) && alarm.priority !== 'technical') {
        say(element('announce'), t('announce', {
          priority: t(`priority.${alarm.priority}`), reason: reason(alarm), name: person.name,
        }));
      }
    }
    this.orderChanged = true;
    this.written = false;
  }

  /** @param {(import('./alarms.js').Holds & {participant: number})[]} several */
  onHolds(several) {
    for (const holds of several) {
      const person = this.people.get(holds.participant);
      if (person) person.holds = holds;
    }
    this.written = false;
  }

  /** @param {number} now ms, of the server */
  setServerTime(now) {
    this.serverAhead = now - performance.now();
  }

  /** The server's time, for countdowns. @returns {number} ms */
  serverTime() {
    return performance.now() + this.serverAhead;
  }

  /** @param {import('./socket.js').SummaryRow} row */
  onSummary(row) {
    const person = this.people.get(row.participant);
    if (!person) return;
    if (person.summary?.level !== row.level) this.orderChanged = true;
    person.summary = row;
    this.written = false;
  }

  /** Put the most urgent first, as the server says; ties by the older alarm, then by the list. */
  reorder() {
    this.orderChanged = false;
    const onset = (/** @type {Person} */ person) => inOrder(person.alarms.values())[0]?.onset_ms ?? Number.MAX_VALUE;
    const chosen = [...this.people.values()].filter((person) =>
      (!this.filter || person.search.includes(this.filter)) && (!this.onlyAlarms || person.alarms.size > 0));
    const keys = new Map(chosen.map((person) => [person, onset(person)]));
    chosen.sort((a, b) =>
      (a.summary?.level ?? CALM) - (b.summary?.level ?? CALM)
      || Math.sign((keys.get(a) ?? 0) - (keys.get(b) ?? 0)) || a.index - b.index);
    this.grid.setOrder(chosen);
    const empty = element('empty');
    show(empty, chosen.length === 0);
    say(empty, t(!this.people.size ? 'empty.none' : this.filter ? 'empty.filter' : 'empty.alarms'));
    this.writeHeader();
  }

  /** Tell the server soon what is in view; scrolling sends one message, not a hundred. */
  watchSoon() {
    if (this.watchTimer) return;
    this.watchTimer = setTimeout(() => {
      this.watchTimer = 0;
      this.watch();
    }, WATCH_AFTER_MS);
  }

  watch() {
    const detail = this.view.person?.index ?? null;
    const participants = detail === null ? this.grid.visible().slice(0, 200) : [];
    const message = { type: 'watch', participants, detail };
    const key = JSON.stringify([[...participants].sort(), detail]);
    if (key === this.watching || this.connection.state !== 'open') return;
    const shown = new Set(detail === null ? participants : [detail]);
    for (const index of shown) if (!this.feeds.has(index)) this.feeds.set(index, new Feed());
    for (const index of this.feeds.keys()) if (!shown.has(index)) this.feeds.delete(index);
    if (detail !== null) this.feeds.set(detail, new Feed());
    if (this.connection.send(message)) this.watching = key;
  }

  /** Ask for something that is not an acknowledgement. @param {object} message */
  ask(message) {
    if (!this.connection.send(message)) this.tell(t('refused', { reason: t('why.connection') }));
  }

  /** @param {string} alarm @param {boolean | null} [useful] whether it was worth being called for */
  acknowledge(alarm, useful = null) {
    if (!alarm || this.waiting.has(alarm)) return;
    if (!this.connection.send({ type: 'acknowledge', alarm, useful })) {
      this.tell(t('acknowledge.unsent'));
      return;
    }
    this.waiting.set(alarm, performance.now());
    this.write();
  }

  /** @param {Person} person */
  openPerson(person) {
    location.hash = `p=${encodeURIComponent(person.id)}`;
  }

  closePerson() {
    const person = this.view.person;
    history.pushState(null, '', location.pathname);
    this.followHash();
    if (person) this.grid.focus([...this.people.values()].find((each) => each.id === person.id) ?? person);
  }

  /** Show whom the address names. */
  followHash() {
    const named = location.hash.startsWith('#p=') ? location.hash.slice(3) : '';
    const person = [...this.people.values()].find((each) => encodeURIComponent(each.id) === named) ?? null;
    this.view.open(person);
    document.body.classList.toggle('one', person !== null);
    if (!person) this.grid.layout();
    this.watchSoon();
  }

  /** @param {boolean} blank */
  setBlank(blank) {
    if (blank === this.blank) return;
    this.blank = blank;
    document.body.classList.toggle('blanked', blank);
    this.write();
  }

  /** Twice a second: connection, ages, answers that did not come. */
  tend() {
    this.connection.tend();
    this.setBlank(this.connection.silence() > BLANK_AFTER_MS);
    for (const [alarm, since] of this.waiting) {
      if (performance.now() - since < ANSWER_WITHIN_MS) continue;
      this.waiting.delete(alarm);
      this.tell(t('acknowledge.unanswered'));
    }
    this.writeBanner();
    this.writeHeader();
    this.sound();
    if (this.orderChanged && !this.grid.held) this.reorder();
    else this.write();
  }

  write() {
    this.written = true;
    this.writeTally();
    this.writeElsewhere();
    if (this.view.person) this.view.write();
    else this.grid.write();
  }

  /** Sound what is to be heard; a page that does not know any more says so with the mildest sound. */
  sound() {
    const heard = [...this.people.values()].flatMap((person) =>
      [...person.alarms.values()].filter((alarm) => alarm.sounding).map((alarm) => alarm.sounds_as));
    const sound = this.blank ? 'low' : worst(heard);
    this.sounder.play(sound);
    const button = element('sound');
    button.setAttribute('aria-pressed', String(this.sounder.on));
    button.dataset.missed = String(!this.sounder.on && sound !== '');
    say(button, t(this.sounder.on ? 'sound.on' : 'sound.off'));
  }

  /** People with an open high alarm whom scrolling, the filter or an open participant hides. */
  hiddenUrgent() {
    const open = this.view.person;
    const seen = new Set(open ? [open.index] : this.grid.visible());
    return [...this.people.values()].filter((person) => !seen.has(person.index)
      && [...person.alarms.values()].some((alarm) => alarm.priority === 'high' && isOpen(alarm)));
  }

  writeElsewhere() {
    const people = this.hiddenUrgent();
    const names = people.slice(0, 3).map((person) => person.name).join(', ');
    const more = people.length > 3 ? ` ${t('alarm.more', { n: people.length - 3 })}` : '';
    say(element('elsewhere'), t('elsewhere', { names: names + more }));
    show(element('elsewhere'), people.length > 0);
  }

  /** Go where the most urgent stand. */
  showUrgent() {
    /** @type {HTMLInputElement} */ (element('filter')).value = this.filter = '';
    if (this.view.person) this.closePerson();
    element('grid').scrollTop = 0;
    this.reorder();
    if (this.grid.order.length) this.grid.focus(this.grid.order[0]);
  }

  /** @param {number} now */
  draw(now) {
    requestAnimationFrame((next) => this.draw(next));
    if (this.reduced.matches && now - this.drawnAt < STILL_MS) return;
    this.drawnAt = now;
    this.frames += 1;
    if (this.orderChanged && !this.grid.held) this.reorder();
    if (!this.written) this.write();
    if (this.view.person) this.view.draw(now);
    else this.grid.draw(now);
  }

  /** All words that do not change by themselves. */
  writeWords() {
    document.documentElement.lang = language();
    for (const each of document.querySelectorAll('[data-i18n]')) {
      say(each, t(/** @type {HTMLElement} */ (each).dataset.i18n ?? ''));
    }
    const filter = /** @type {HTMLInputElement} */ (element('filter'));
    filter.placeholder = t('filter');
    filter.setAttribute('aria-label', t('filter'));
    say(element('only'), t('only'));
    say(element('language'), t('language'));
    element('language').setAttribute('aria-label', t('language.label'));
    say(element('scale'), t('scale'));
    say(element('keys'), t('keys'));
    this.tallied = '';
    this.writeTally();
    this.reorder();
    this.view.alarmsDrawn = '';
    this.view.write();
    this.view.writeHistory();
  }

  writeHeader() {
    // A part of the processing that has stalled has a tile, but is nobody.
    const isPerson = (/** @type {Person} */ one) => one.group !== 'system';
    const all = [...this.people.values()].filter(isPerson).length;
    const shown = this.grid.order.filter(isPerson).length;
    say(element('count'), t(shown === all ? 'count' : 'count.some', { n: all, shown }));
    const connection = element('connection');
    const state = this.connection.state;
    say(connection, `${state === 'open' ? '●' : '○'} ${t(`connection.${state}`)}`);
    connection.dataset.state = state;
    const engine = element('engine');
    const [words, fine] = this.engineWords();
    say(engine, [`${fine ? '' : '▲ '}${words}`, this.status.detail].filter(Boolean).join(' · '));
    engine.dataset.fine = String(fine);
    const simulated = element('simulated');
    show(simulated, this.simulated);
    say(simulated, t('simulated'));
    say(element('operator'), this.operator ? t('operator', { name: this.operator }) : '');
  }

  /** @returns {[string, boolean]} words and whether all is well */
  engineWords() {
    const { phase, lag_s: lag, silent_s: silent } = this.status;
    if (this.blank) return [t('engine.unknown'), false];
    if (silent !== null) return [t('engine.silent', { s: Math.floor(silent) }), false];
    const s = lag === null ? '?' : lag < 10 ? lag.toFixed(1) : lag.toFixed(0);
    if (phase === 'live' && lag !== null) {
      return lag <= BEHIND_S ? [t('engine.live', { s }), true] : [t('engine.behind', { s }), false];
    }
    return [t(`engine.${phase}`, { s }), false];
  }

  writeTally() {
    const counts = tally([...this.people.values()].flatMap((person) => [...person.alarms.values()]));
    const key = JSON.stringify([counts, language()]);
    if (key === this.tallied) return;
    this.tallied = key;
    const list = element('tally');
    list.replaceChildren();
    for (const priority of PRIORITIES) {
      const item = make('li', counts[priority] ? '' : 'zero', list);
      item.dataset.priority = priority;
      item.append(glyph(priority));
      make('b', '', item).textContent = String(counts[priority]);
      make('span', '', item).textContent = t(`priority.${priority}`);
    }
    document.title = counts.high ? `!!! ${counts.high} · Vitalstream` : 'Vitalstream';
  }

  writeBanner() {
    const { connection } = this;
    const s = Math.floor(connection.silence() / 1000);
    const banner = element('banner');
    // Said of a server that has gone, too: it is why.
    const { phase, detail } = this.status;
    const failed = phase !== 'failed' ? '' : detail ? t('banner.failed', { reason: detail }) : t('banner.unsaid');
    let words = '';
    if (connection.state === 'lost') {
      const wait = Math.ceil((connection.retryAt - performance.now()) / 1000);
      words = connection.socket || wait <= 0 ? t('banner.connecting', { s }) : t('banner.lost', { s, wait });
      if (connection.closeReason) words += ` ${t('banner.reason', { reason: connection.closeReason })}`;
    } else if (this.blank && s >= 3) words = t('banner.silent', { s });
    if (words && this.blank) words += ` ${t('banner.blank')}`;
    words = [failed, words].filter(Boolean).join(' · ');
    say(banner, words);
    show(banner, words !== '');
  }

  /** @param {string} words */
  tell(words) {
    const toast = element('toast');
    say(toast, words);
    show(toast, true);
    clearTimeout(this.toastTimer);
    this.toastTimer = setTimeout(() => show(toast, false), 6000);
  }
}

const page = new Page();
// For measuring from outside; the page itself never reads it.
Object.assign(window, { vitalstreamPage: page });
