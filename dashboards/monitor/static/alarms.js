// How an alarm looks: shape, word and colour. It decides nothing; order and state come from the server.

import { countdown, language, t } from './i18n.js';

/**
 * @typedef {object} Alarm
 * @property {string} id
 * @property {number | null} participant
 * @property {string} code
 * @property {'high' | 'medium' | 'low' | 'technical'} priority
 * @property {string} sounds_as
 * @property {'active' | 'acknowledged' | 'ended'} state
 * @property {boolean} latched
 * @property {boolean} sounding
 * @property {number} onset_ms
 * @property {number} t_ms
 * @property {string} acknowledged_by
 * @property {Inactivation | null} inactivation
 * @property {string} reason
 * @property {string} reason_ko
 * @property {boolean} shown
 * @property {number} level  0 first
 */

/**
 * Why an alarm is there; only the history of a participant has it.
 * @typedef {object} Grounds
 * @property {string} id
 * @property {number} onset_ms
 * @property {number} raised_ms
 * @property {string[]} reached
 * @property {Record<string, number>} evidence
 * @property {Record<string, number>} limits
 * @property {string} rule
 * @property {string} rule_ko
 */

/**
 * @typedef {object} Inactivation
 * @property {string} id
 * @property {'audio_paused' | 'audio_off' | 'alarm_paused' | 'alarm_off'} kind
 * @property {string} code
 * @property {string} alarm
 * @property {string} reason
 * @property {string} by
 * @property {number} from_ms
 * @property {number} until_ms
 */

/**
 * What keeps alarms of a participant back or quiet.
 * @typedef {object} Holds
 * @property {{code: string, signal: string, since_ms: number}[]} suspensions
 * @property {Inactivation[]} inactivations
 */

export const PRIORITIES = ['high', 'medium', 'low', 'technical'];
const MARKS = { high: '!!!', medium: '!!', low: '!' };
const WRENCH = 'M14.6 2.2a4.6 4.6 0 0 0-5.5 5.9L2.3 15a1.9 1.9 0 0 0 2.7 2.7l6.8-6.8a4.6 4.6 0 0 0 '
  + '5.9-5.5l-2.7 2.6-2.5-.6-.6-2.5z';

/** Shape of a priority: exclamation marks, or a wrench for technical ones. @param {string} priority @returns {Element} */
export function glyph(priority) {
  if (priority in MARKS) {
    const mark = document.createElement('span');
    mark.textContent = MARKS[/** @type {'high'} */ (priority)];
    mark.className = 'mark';
    mark.setAttribute('aria-hidden', 'true');
    return mark;
  }
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 20 20');
  svg.setAttribute('class', 'mark');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute('d', WRENCH);
  svg.append(path);
  return svg;
}

const BELL = 'M10 2a5 5 0 0 0-5 5v4l-2 3h14l-2-3V7a5 5 0 0 0-5-5zM8 15.5a2 2 0 0 0 4 0z';
const CROSS = 'M3 3 17 17M17 3 3 17';

/** A bell with a cross: dashed for a pause, whole for off (IEC 60601-1-8). @param {string} kind @returns {Element} */
export function quietGlyph(kind) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 20 20');
  svg.setAttribute('class', `bell ${kind.endsWith('_paused') ? 'paused' : 'off'}`);
  svg.setAttribute('aria-hidden', 'true');
  for (const d of [BELL, CROSS]) {
    const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
    path.setAttribute('d', d);
    svg.append(path);
  }
  return svg;
}

/** What a person has made quiet, and for how long yet. @param {Inactivation} one @param {number} now ms of the server @returns {string} */
export function quietWords(one, now) {
  return t(`quiet.${one.kind}`, { left: countdown(one.until_ms - now) });
}

/** @param {Alarm} alarm @returns {string} */
export function reason(alarm) {
  const words = language() === 'ko' ? alarm.reason_ko || alarm.reason : alarm.reason;
  return words || t(`code.${alarm.code}`);
}

/** What has become of it, in words. @param {Alarm} alarm @returns {string} */
export function stateWords(alarm) {
  if (alarm.state === 'acknowledged') return t('state.acknowledged', { by: alarm.acknowledged_by });
  if (alarm.state === 'ended' && !alarm.shown) return t('state.ended');
  if (alarm.latched) return t('state.latched');
  return t('state.active');
}

/** @param {Alarm} alarm @returns {boolean} whether there is something to acknowledge */
export function isOpen(alarm) {
  return alarm.shown && alarm.state !== 'acknowledged' && !alarm.acknowledged_by;
}

/** In the order the server gives, the older first. @param {Iterable<Alarm>} alarms @returns {Alarm[]} */
export function inOrder(alarms) {
  return [...alarms].sort((a, b) => a.level - b.level || a.onset_ms - b.onset_ms);
}

/** @param {Iterable<Alarm>} alarms @returns {Record<string, number>} */
export function tally(alarms) {
  /** @type {Record<string, number>} */
  const counts = { high: 0, medium: 0, low: 0, technical: 0 };
  for (const alarm of alarms) counts[alarm.priority] += 1;
  return counts;
}
