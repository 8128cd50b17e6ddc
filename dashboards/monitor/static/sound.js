// The sound of the worst alarm that is to be heard. Which one that is comes from the server; a browser
// lets a page sound only after somebody has pressed something on it.

/**
 * A burst of pulses after IEC 60601-1-8 (tables 3 and 4, annex F "general"): pitches, length of a pulse,
 * silence between two, longer silences after pulses by their number, time from burst to burst; seconds.
 * @typedef {{pitches: number[], pulse: number, gap: number, longer: Record<number, number>, every: number}} Burst
 */
const C4 = 261.63, E4 = 329.63; // Hz; within the standard's 150-1000 Hz, four harmonics and more
/** @type {Record<string, Burst>} */
const BURSTS = {
  high: { pitches: Array(10).fill(C4), pulse: 0.15, gap: 0.1, longer: { 2: 0.35, 4: 0.6, 7: 0.35 }, every: 5 },
  medium: { pitches: [C4, C4, C4], pulse: 0.2, gap: 0.2, longer: {}, every: 10 },
  low: { pitches: [E4, C4], pulse: 0.2, gap: 0.2, longer: {}, every: 25 },
};
const HARMONICS = [0, 1, 0.7, 0.6, 0.5, 0.4]; // of the fundamental, which is the second number
const RISE_S = 0.02, VOLUME = 0.35;
export const SOUNDS = Object.keys(BURSTS); // worst first

/** The worst of some sounds; empty for silence. @param {Iterable<string>} sounds @returns {string} */
export function worst(sounds) {
  const heard = new Set(sounds);
  return SOUNDS.find((each) => heard.has(each)) ?? '';
}

export class Sounder {
  constructor() {
    /** @type {AudioContext | null} */
    this.context = null;
    /** @type {GainNode | null} */
    this.out = null;
    this.playing = '';
    this.nextAt = 0;
    this.bursts = 0;
  }

  /** Whether it can be heard. @returns {boolean} */
  get on() {
    return this.context?.state === 'running';
  }

  /** Turn on; called from something a person pressed. */
  async start() {
    this.context ??= new AudioContext();
    await this.context.resume();
    this.nextAt = 0;
  }

  async stop() {
    this.silence();
    await this.context?.suspend();
  }

  /** Say what is to be heard now; call it often. @param {string} sound worst first: high, medium, low; empty: nothing */
  play(sound) {
    const { context } = this;
    if (!context || !this.on) return;
    if (sound !== this.playing) {
      // A worse alarm does not wait for the end of a milder burst, and what is silenced stops at once.
      this.silence();
      this.playing = sound;
      this.nextAt = 0;
    }
    if (!sound || context.currentTime < this.nextAt) return;
    this.nextAt = context.currentTime + BURSTS[sound].every;
    this.burst(BURSTS[sound]);
  }

  silence() {
    this.out?.disconnect();
    this.out = null;
    this.playing = '';
  }

  /** @param {Burst} burst */
  burst({ pitches, pulse, gap, longer }) {
    const { context } = this;
    if (!context) return;
    this.bursts += 1;
    this.out?.disconnect();
    const out = this.out = context.createGain();
    out.gain.value = VOLUME;
    out.connect(context.destination);
    const wave = context.createPeriodicWave(new Float32Array(HARMONICS.length), new Float32Array(HARMONICS));
    let at = context.currentTime + 0.05;
    pitches.forEach((pitch, k) => {
      const tone = context.createOscillator(), shape = context.createGain();
      tone.setPeriodicWave(wave);
      tone.frequency.value = pitch;
      shape.gain.setValueAtTime(0, at);
      shape.gain.linearRampToValueAtTime(1, at + RISE_S);
      shape.gain.setValueAtTime(1, at + pulse - RISE_S);
      shape.gain.linearRampToValueAtTime(0, at + pulse);
      tone.connect(shape).connect(out);
      tone.start(at);
      tone.stop(at + pulse);
      at += pulse + (longer[k] ?? gap);
    });
  }
}
