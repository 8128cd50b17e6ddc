// What a finding stands on, in words.

import { has, t } from './i18n.js';

const EVIDENCE_UNITS = [[/_ms$/, 'ms'], [/_mv$/, 'mV'], [/_s$/, 's'], [/_per_min$/, '/min'], [/_percent$/, '%']];
/** Indices, codes and steps on the way to a number that is said: no use to a reader. */
const UNSAID = /^(signal|attached|form|other_form|t0_lag_s|t0_source|hr30|hr60|hr120|grade|confirmed|posture|tau_s|r2|least_difference)$/;
const FLAGS = /^(by_device|railed|flat|noisy|delayed|near_cutoff)$/; // said when they are 1

/** Three digits, whole from 100 on. @param {number} value @returns {string} */
export function three(value) {
  return Math.abs(value) >= 100 ? String(Math.round(value)) : String(+value.toPrecision(3));
}

/** What a finding stands on, where its sentence is empty. @param {Record<string, number>} values @returns {string} */
export function evidence(values) {
  const said = Object.entries(values).filter(([name, value]) => !UNSAID.test(name) && !(FLAGS.test(name) && value !== 1));
  return said.map(([name, value]) => {
    const n = three(name === 'score' ? Math.round(100 * value) : value); // 0-1, written in percent
    if (has(`evidence.${name}`)) return t(`evidence.${name}`, { n });
    const [ending, unit] = EVIDENCE_UNITS.find(([each]) => each.test(name)) ?? [/$^/, ''];
    return `${name.replace(ending, '').replaceAll('_', ' ')} ${n} ${unit}`.trim();
  }).join(', ');
}
