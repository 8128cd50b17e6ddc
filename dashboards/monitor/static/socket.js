// The websocket: decodes frames (layout in dashboards/monitor/wire.py), reconnects, knows its silence.

const VERSION = 1;
const JSON_FRAME = 1, WAVES = 2, SUMMARY = 3;
const SIGNALS = ['ecg', 'ppg'];
const SUMMARY_BYTES = 48;
const FIRST_WAIT_MS = 500, LONGEST_WAIT_MS = 8000;
const DEAD_AFTER_MS = 10_000; // an open socket that says nothing for so long is given up

/**
 * @typedef {object} WaveRow
 * @property {number} participant
 * @property {string} signal
 * @property {boolean} begin     begin the trace anew
 * @property {number} position   running count of samples, lost ones included, modulo 2^32
 * @property {number} t0Ms       time of the first sample, ms since the epoch
 * @property {number} fs
 * @property {number} scale
 * @property {number} offset
 * @property {Int16Array} samples
 */

/**
 * @typedef {object} SummaryRow
 * @property {number} participant
 * @property {number} nAlarms
 * @property {number} source     of the heart rate: 0 ECG, 1 strap, 2 device, 255 not known
 * @property {number} flags
 * @property {number} level      0 first; 12 and more: no alarms
 * @property {number} heartRate  NaN: blank
 * @property {number} heartRateAge
 * @property {number} quality
 * @property {number} ecgAge     NaN: never any
 * @property {number} ppgAge
 * @property {number} spo2
 * @property {number} respiration
 * @property {number} ventricular
 */

/**
 * Split a message into frames and give each row to its handler.
 * @param {ArrayBuffer} buffer
 * @param {{onJson: (message: any) => void, onWave: (row: WaveRow) => void, onSummary: (row: SummaryRow) => void}} to
 */
export function decode(buffer, to) {
  const view = new DataView(buffer);
  let at = 0;
  while (at + 8 <= buffer.byteLength) {
    const length = view.getUint32(at, true);
    const version = view.getUint8(at + 4), kind = view.getUint8(at + 5);
    const rows = view.getUint16(at + 6, true);
    at += 8;
    if (version !== VERSION) throw new Error(`frame version ${version}, expected ${VERSION}`);
    if (at + length > buffer.byteLength) throw new Error('frame cut short');
    if (kind === JSON_FRAME) {
      to.onJson(JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, at, length))));
    } else if (kind === WAVES) {
      decodeWaves(buffer, view, at, rows, to.onWave);
    } else if (kind === SUMMARY) {
      for (let r = 0; r < rows; r++) to.onSummary(summaryRow(view, at + r * SUMMARY_BYTES));
    }
    at += length;
  }
}

/** @param {ArrayBuffer} buffer @param {DataView} view @param {number} at @param {number} rows @param {(row: WaveRow) => void} onWave */
function decodeWaves(buffer, view, at, rows, onWave) {
  for (let r = 0; r < rows; r++) {
    const n = view.getUint32(at + 4, true);
    onWave({
      participant: view.getUint16(at, true),
      signal: SIGNALS[view.getUint8(at + 2)],
      begin: (view.getUint8(at + 3) & 1) !== 0,
      t0Ms: Number(view.getBigInt64(at + 8, true) / 1000n) / 1000,
      fs: view.getFloat32(at + 16, true),
      scale: view.getFloat32(at + 20, true),
      offset: view.getFloat32(at + 24, true),
      position: view.getUint32(at + 28, true),
      samples: new Int16Array(buffer, at + 32, n),
    });
    at += 32 + Math.ceil((2 * n) / 8) * 8;
  }
}

/** @param {DataView} view @param {number} at @returns {SummaryRow} */
function summaryRow(view, at) {
  return {
    participant: view.getUint16(at, true),
    nAlarms: view.getUint16(at + 4, true),
    source: view.getUint8(at + 6),
    flags: view.getUint8(at + 7),
    level: view.getFloat32(at + 8, true),
    heartRate: view.getFloat32(at + 12, true),
    heartRateAge: view.getFloat32(at + 16, true),
    quality: view.getFloat32(at + 20, true),
    ecgAge: view.getFloat32(at + 24, true),
    ppgAge: view.getFloat32(at + 28, true),
    spo2: view.getFloat32(at + 32, true),
    respiration: view.getFloat32(at + 36, true),
    ventricular: view.getFloat32(at + 40, true),
  };
}

/** A connection that comes back by itself. */
export class Connection {
  /**
   * @param {string} url
   * @param {Parameters<typeof decode>[1]} handlers
   */
  constructor(url, handlers) {
    this.url = url;
    this.handlers = handlers;
    /** @type {'connecting' | 'open' | 'lost'} */
    this.state = 'connecting';
    this.closeReason = '';
    this.heardAt = performance.now();
    this.retryAt = 0;
    this.wait = FIRST_WAIT_MS;
    this.bytes = 0;
    /** @type {WebSocket | null} */
    this.socket = null;
    this.open();
  }

  open() {
    const socket = new WebSocket(this.url);
    this.socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.onmessage = (event) => {
      if (socket !== this.socket) return;
      this.heardAt = performance.now();
      this.state = 'open';
      this.wait = FIRST_WAIT_MS;
      this.bytes += event.data.byteLength;
      decode(event.data, this.handlers);
    };
    socket.onclose = (event) => {
      if (socket === this.socket) this.lost(event.reason);
    };
  }

  /** @param {string} reason */
  lost(reason) {
    this.socket = null;
    this.state = 'lost';
    this.closeReason = reason;
    // Spread by a fifth, so that many pages do not come back in step.
    this.retryAt = performance.now() + this.wait * (0.8 + 0.4 * Math.random());
    this.wait = Math.min(2 * this.wait, LONGEST_WAIT_MS);
  }

  /** Milliseconds since the server was heard. @returns {number} */
  silence() {
    return performance.now() - this.heardAt;
  }

  /** Reconnect when it is time; called about twice a second. */
  tend() {
    if (this.socket === null) {
      if (performance.now() >= this.retryAt) this.open();
    } else if (this.state === 'open' && this.silence() > DEAD_AFTER_MS) {
      const silent = this.socket;
      this.lost('');
      silent.close();
    }
  }

  /** @param {object} message @returns {boolean} whether it could be sent */
  send(message) {
    if (this.socket === null || this.socket.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }
}
