// Draws traces: typed-array rings, a display clock that runs evenly, and erase-bar lanes at 25 mm/s.

export const PX_PER_MM = 96 / 25.4; // CSS definition of the millimetre
export const MM_PER_S = 25;
export const MM_PER_MV = 10;
const PX_PER_MS = (MM_PER_S * PX_PER_MM) / 1000;
const RING_S = 32;
const DELAY_MS = 500; // display runs this far behind the newest sample: 200 ms blocks and their jitter
const JUMP_MS = 1500; // a difference beyond this is a new situation, not drift
const BREAK_MS = 1000; // between arrivals; longer is an outage, not a pace
const PACE_MS = 2000;
const SLEW = 0.03; // the clock may run this much faster or slower to follow
const BAR_PX = 16;
const ZERO_AT = 0.62; // height of the zero line in an ECG lane, from the top: QRS complexes mostly point up
const HIGH_PASS_HZ = 0.5; // display filter, stated on the page
const GAINS = [1, 0.5, 0.25]; // of MM_PER_MV; the first that fits is drawn, and said so
const PEAK_S = 4;
const MISSING = -32768;

/** @typedef {import('./socket.js').WaveRow} WaveRow */

/** The last half minute of one signal, filtered for display. */
export class Trace {
  /** @param {string} signal */
  constructor(signal) {
    this.signal = signal;
    this.fs = 0;
    this.ring = new Float32Array(0);
    this.count = 0; // samples ever put in; sample i is at i % ring.length
    this.position = 0;
    this.endMs = 0; // time just after the newest sample
    this.generation = 0; // changes when everything has to be drawn anew
    this.low = 0;
    this.high = 0;
    this.filtered = 0;
    this.before = NaN;
  }

  /** @param {WaveRow} row */
  append(row) {
    const lost = (row.position - this.position) >>> 0;
    if (row.begin || row.fs !== this.fs || lost > this.ring.length) this.begin(row);
    else for (let k = 0; k < lost; k++) this.put(NaN);
    const { samples, scale, offset } = row;
    const keep = Math.exp((-2 * Math.PI * HIGH_PASS_HZ) / row.fs);
    const filter = this.signal === 'ecg';
    for (let i = 0; i < samples.length; i++) {
      if (samples[i] === MISSING) {
        this.before = NaN;
        this.put(NaN);
        continue;
      }
      const value = samples[i] * scale + offset;
      if (!filter) {
        this.put(value);
        continue;
      }
      if (Number.isNaN(this.before)) {
        this.filtered = 0;
        this.before = middle(samples, i, Math.round(row.fs)) * scale + offset;
      }
      this.filtered = keep * (this.filtered + value - this.before);
      this.before = value;
      this.put(this.filtered);
    }
    this.position = (row.position + samples.length) >>> 0;
    this.endMs = row.t0Ms + (samples.length * 1000) / row.fs;
    this.measure(Math.round(PEAK_S * row.fs));
  }

  /** @param {WaveRow} row */
  begin(row) {
    this.fs = row.fs;
    const length = Math.ceil(row.fs * RING_S);
    if (this.ring.length !== length) this.ring = new Float32Array(length);
    this.count = 0;
    this.before = NaN;
    this.generation += 1;
  }

  /** @param {number} value */
  put(value) {
    this.ring[this.count % this.ring.length] = value;
    this.count += 1;
  }

  /** Find the range of the last samples. @param {number} n */
  measure(n) {
    let low = Infinity, high = -Infinity;
    const from = Math.max(0, this.count - n);
    for (let i = from; i < this.count; i++) {
      const value = this.ring[i % this.ring.length];
      if (value < low) low = value;
      if (value > high) high = value;
    }
    if (low <= high) {
      this.low = low;
      this.high = high;
    }
  }

  /** @param {number} t @returns {number} how many samples lie before time t */
  indexAt(t) {
    return this.count - Math.ceil(((this.endMs - t) * this.fs) / 1000);
  }

  /** @param {number} i @returns {number} time of sample i, ms */
  timeOf(i) {
    return this.endMs - ((this.count - i) * 1000) / this.fs;
  }
}

/**
 * Median of the first second: where the line lies, whatever beat comes first.
 * @param {Int16Array} samples @param {number} from @param {number} n @returns {number}
 */
function middle(samples, from, n) {
  const some = samples.slice(from, from + n).filter((value) => value !== MISSING).sort();
  return some[some.length >> 1];
}

/** Data time that runs evenly a fixed delay behind what has arrived, at the pace of the data. */
export class Clock {
  constructor() {
    this.pace = 1; // seconds of data per second; a replay may run faster
    this.offset = NaN; // data time - pace * page time, ms
    this.target = NaN;
    this.then = 0;
    this.arrivedAt = -Infinity;
    this.markMs = 0;
    this.markedAt = 0;
  }

  /** @param {number} endMs newest data time @param {number} now page time */
  arrived(endMs, now) {
    this.measure(endMs, now);
    const wide = Math.max(1, this.pace);
    const lead = endMs - this.pace * now - DELAY_MS * wide;
    if (!(Math.abs(lead - this.target) < JUMP_MS * wide)) {
      this.target = lead;
      if (!(Math.abs(lead - this.offset) < JUMP_MS * wide)) this.offset = lead;
    }
    this.target += 0.1 * (lead - this.target);
  }

  /** Find the pace over a while without a break. @param {number} endMs @param {number} now */
  measure(endMs, now) {
    const broken = now - this.arrivedAt > BREAK_MS || endMs < this.markMs;
    this.arrivedAt = now;
    const passed = now - this.markedAt;
    if (!broken && passed < PACE_MS) return;
    const pace = (endMs - this.markMs) / passed;
    this.markMs = endMs;
    this.markedAt = now;
    if (broken) return;
    const steady = Math.abs(pace - 1) < 0.25 ? 1 : pace; // blocks and jitter are not a change of pace
    if (steady === this.pace) return;
    this.offset += (this.pace - steady) * this.then; // what is shown goes on from where it is
    this.pace = steady;
    this.target = NaN;
  }

  /** @param {number} now page time @returns {number} data time to show, NaN before the first data */
  time(now) {
    const most = SLEW * this.pace * Math.max(0, now - this.then);
    this.then = now;
    const off = this.target - this.offset;
    const jump = Math.abs(off) >= JUMP_MS * Math.max(1, this.pace);
    this.offset += jump ? off : Math.max(-most, Math.min(most, off));
    return this.pace * now + this.offset;
  }
}

/** All traces of one participant and their common clock. */
export class Feed {
  constructor() {
    /** @type {Record<string, Trace>} */
    this.traces = {};
    this.clock = new Clock();
  }

  /** @param {WaveRow} row */
  append(row) {
    const trace = (this.traces[row.signal] ??= new Trace(row.signal));
    trace.append(row);
    if (row.signal === 'ecg' || !this.traces.ecg) this.clock.arrived(trace.endMs, performance.now());
  }
}

/** One canvas that draws one trace with an erase bar. */
export class Lane {
  /** @param {HTMLCanvasElement} canvas @param {string} signal */
  constructor(canvas, signal) {
    this.canvas = canvas;
    this.signal = signal;
    this.context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    this.colour = signal === 'ecg' ? '#4fe08d' : '#b9a8ff';
    this.width = 0;
    this.height = 0;
    this.ratio = 0;
    /** @type {Feed | null} */
    this.feed = null;
    this.dirty = true;
    this.generation = -1;
    this.gain = 1;
    this.mid = 0;
    this.span = 1;
    this.drawnT = 0;
    this.drawnIndex = 0;
  }

  /** @param {number} width CSS px @param {number} height CSS px */
  resize(width, height) {
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    if (width === this.width && height === this.height && ratio === this.ratio) return;
    this.width = width;
    this.height = height;
    this.ratio = ratio;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${height}px`;
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.dirty = true;
  }

  /** @param {Feed | null} feed */
  bind(feed) {
    if (feed === this.feed) return;
    this.feed = feed;
    this.dirty = true;
    this.generation = -1;
  }

  /** Gain drawn, mm/mV. @returns {number} */
  get mmPerMv() {
    return MM_PER_MV * this.gain;
  }

  /** @param {number} t data time shown at the pen, ms */
  draw(t) {
    const trace = this.feed?.traces[this.signal];
    if (!trace || !trace.count || Number.isNaN(t)) {
      if (this.dirty) this.context.clearRect(0, 0, this.width, this.height);
      this.dirty = false;
      return;
    }
    if (trace.generation !== this.generation) {
      this.generation = trace.generation;
      this.dirty = true;
    }
    this.choose(trace);
    const step = (t - this.drawnT) * PX_PER_MS;
    if (this.dirty || step < 0 || step > this.width / 2) this.redraw(trace, t);
    else this.advance(trace, t);
    this.drawnT = t;
  }

  /** Choose gain and zero line. @param {Trace} trace */
  choose(trace) {
    if (this.signal === 'ecg') {
      // Share of the lane that the trace takes at full gain, above and below the zero line.
      const perMv = (MM_PER_MV * PX_PER_MM) / this.height;
      const need = perMv * Math.max(trace.high / ZERO_AT, -trace.low / (1 - ZERO_AT));
      const gain = GAINS.find((each) => need * each <= 1) ?? GAINS[GAINS.length - 1];
      // Back to a larger gain only with a margin, so that the scale does not hop.
      if (gain < this.gain || (gain > this.gain && need * gain <= 0.85)) {
        this.gain = gain;
        this.dirty = true;
      }
      return;
    }
    const span = Math.max(trace.high - trace.low, 1e-9), mid = (trace.high + trace.low) / 2;
    const off = Math.abs(mid - this.mid) / this.span;
    if (this.dirty || off > 0.15 || span > 1.25 * this.span || span < 0.6 * this.span) {
      this.span = span;
      this.mid = mid;
      this.dirty = true;
    }
  }

  /** @param {number} value @returns {number} */
  y(value) {
    if (this.signal === 'ecg') return ZERO_AT * this.height - value * this.mmPerMv * PX_PER_MM;
    return this.height * (0.5 - (0.8 * (value - this.mid)) / this.span);
  }

  /** @param {Trace} trace @param {number} t */
  redraw(trace, t) {
    this.dirty = false;
    this.context.clearRect(0, 0, this.width, this.height);
    const seen = (this.width - BAR_PX) / PX_PER_MS;
    this.drawnIndex = Math.max(0, trace.count - trace.ring.length, trace.indexAt(t - seen));
    this.stroke(trace, t);
    // The oldest sample drawn may reach a pixel into the bar, where nothing would clear it for a sweep.
    const pen = (t * PX_PER_MS) % this.width;
    this.wipe(pen + 3, pen + BAR_PX);
  }

  /** @param {Trace} trace @param {number} t */
  advance(trace, t) {
    const from = (this.drawnT * PX_PER_MS + BAR_PX) % this.width;
    this.wipe(from, from + (t - this.drawnT) * PX_PER_MS);
    this.stroke(trace, t);
  }

  /**
   * Clear whole pixels, for a part of one would leave a shadow of the old trace; goes round at the edge.
   * @param {number} from @param {number} to
   */
  wipe(from, to) {
    this.context.clearRect(Math.floor(from) - 1, 0, Math.ceil(to - from) + 2, this.height);
    if (to > this.width) this.context.clearRect(0, 0, Math.ceil(to - this.width), this.height);
  }

  /** Draw from the last drawn sample to time t. @param {Trace} trace @param {number} t */
  stroke(trace, t) {
    const until = Math.min(trace.count, trace.indexAt(t));
    const from = Math.max(this.drawnIndex - 1, trace.count - trace.ring.length, 0);
    if (until <= from + 1) return;
    const { context, width } = this;
    const n = trace.ring.length;
    context.beginPath();
    const perSample = (1000 / trace.fs) * PX_PER_MS;
    let x = (trace.timeOf(from) * PX_PER_MS) % width;
    let down = false;
    for (let i = from; i < until; i++, x += perSample) {
      const value = trace.ring[i % n];
      if (x >= width) {
        if (down && value === value) context.lineTo(x, this.y(value));
        x -= width;
        down = false;
      }
      if (value !== value) down = false;
      else if (down) context.lineTo(x, this.y(value));
      else {
        context.moveTo(x, this.y(value));
        down = true;
      }
    }
    context.strokeStyle = this.colour;
    context.lineWidth = 1.6;
    context.lineJoin = 'round';
    context.stroke();
    this.drawnIndex = until;
  }
}

/**
 * @typedef {object} Strip
 * @property {number} t0_ms
 * @property {number} at_ms
 * @property {number} fs_hz
 * @property {number} scale
 * @property {number} offset
 * @property {string} samples  base64 of int16
 */

/**
 * Draw a strip with its grid and the mark of its onset; give the gain, mm/mV.
 * @param {HTMLCanvasElement} canvas @param {Strip} strip @param {number} height CSS px @returns {number}
 */
export function drawStrip(canvas, strip, height) {
  const bytes = Uint8Array.from(atob(strip.samples), (letter) => letter.charCodeAt(0));
  const samples = new Int16Array(bytes.buffer);
  const trace = new Trace('ecg');
  trace.append({
    participant: 0, signal: 'ecg', begin: true, position: 0, t0Ms: strip.t0_ms, fs: strip.fs_hz,
    scale: strip.scale, offset: strip.offset, samples,
  });
  const width = Math.ceil(((samples.length * 1000) / strip.fs_hz) * PX_PER_MS);
  const lane = new Lane(canvas, 'ecg');
  lane.resize(width, height);
  trace.measure(trace.count);
  lane.choose(trace);
  const { context } = lane;
  grid(context, width, height);
  context.beginPath();
  let down = false;
  for (let i = 0; i < trace.count; i++) {
    const value = trace.ring[i];
    const x = (i / strip.fs_hz) * 1000 * PX_PER_MS;
    if (value !== value) down = false;
    else if (down) context.lineTo(x, lane.y(value));
    else {
      context.moveTo(x, lane.y(value));
      down = true;
    }
  }
  context.strokeStyle = lane.colour;
  context.lineWidth = 1.4;
  context.lineJoin = 'round';
  context.stroke();
  const x = (strip.at_ms - strip.t0_ms) * PX_PER_MS;
  if (x >= 0 && x <= width) mark(context, x, height);
  return lane.mmPerMv;
}

/** @param {CanvasRenderingContext2D} context @param {number} width @param {number} height */
function grid(context, width, height) {
  const step = 5 * PX_PER_MM;
  context.beginPath();
  for (let x = 0.5; x < width; x += step) { context.moveTo(x, 0); context.lineTo(x, height); }
  for (let y = 0.5; y < height; y += step) { context.moveTo(0, y); context.lineTo(width, y); }
  context.strokeStyle = '#1d2935';
  context.lineWidth = 1;
  context.stroke();
}

/** A dashed line and a triangle at the onset. @param {CanvasRenderingContext2D} context @param {number} x @param {number} height */
function mark(context, x, height) {
  context.save();
  context.strokeStyle = context.fillStyle = '#ffffff';
  context.setLineDash([3, 3]);
  context.beginPath();
  context.moveTo(x, 9);
  context.lineTo(x, height);
  context.stroke();
  context.beginPath();
  context.moveTo(x - 6, 0);
  context.lineTo(x + 6, 0);
  context.lineTo(x, 9);
  context.fill();
  context.restore();
}
