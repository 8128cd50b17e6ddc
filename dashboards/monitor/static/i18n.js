// Words of the page in English and Korean; names of findings follow the alarm catalogue.

/** @type {Record<string, [string, string]>} */
const WORDS = {
  'skip': ['Skip to the participants', '참가자 목록으로 건너뛰기'],
  'count': ['{n} participants', '참가자 {n}명'],
  'count.some': ['{shown} of {n} participants', '참가자 {n}명 중 {shown}명'],
  'priority.high': ['High', '높음'],
  'priority.medium': ['Medium', '중간'],
  'priority.low': ['Low', '낮음'],
  'priority.technical': ['Technical', '기술'],
  'tally.none': ['No alarms', '알람 없음'],
  'connection.open': ['Connected', '연결됨'],
  'connection.connecting': ['Connecting', '연결 중'],
  'connection.lost': ['Not connected', '연결 끊김'],
  'banner.lost': ['Connection to the server lost {s} s ago. Trying again in {wait} s.',
    '{s}초 전에 서버 연결이 끊어졌습니다. {wait}초 후 다시 연결합니다.'],
  'banner.connecting': ['Connection to the server lost {s} s ago. Connecting…',
    '{s}초 전에 서버 연결이 끊어졌습니다. 연결 중…'],
  'banner.silent': ['No word from the server for {s} s.', '{s}초 동안 서버 응답이 없습니다.'],
  'banner.failed': ['Engine stopped: {reason}', '엔진이 멈췄습니다: {reason}'],
  'banner.unsaid': ['Engine stopped: reason not known', '엔진이 멈췄습니다: 이유를 알 수 없음'],
  'banner.blank': ['Values are blanked.', '값을 표시하지 않습니다.'],
  'banner.reason': ['Reason: {reason}.', '이유: {reason}.'],
  'engine.starting': ['Engine starting', '엔진 시작 중'],
  'engine.compiling': ['Compiling detectors: raw traces only', '검출기 준비 중: 원신호만 표시'],
  'engine.live': ['Live, {s} s behind', '실시간, {s}초 지연'],
  'engine.behind': ['{s} s behind', '{s}초 지연'],
  'engine.catching_up': ['Catching up, {s} s behind', '따라잡는 중, {s}초 지연'],
  'engine.ended': ['Input has ended', '입력이 끝났습니다'],
  'engine.failed': ['Engine stopped', '엔진이 멈췄습니다'],
  'engine.silent': ['No word from the engine for {s} s', '{s}초 동안 엔진 응답 없음'],
  'engine.unknown': ['Engine state not known', '엔진 상태를 알 수 없음'],
  'simulated': ['Simulated data', '모의 데이터'],
  'operator': ['{name}, no sign-in', '{name}, 로그인 없음'],
  'filter': ['Name or id', '이름 또는 ID'],
  'only': ['Only alarms', '알람만'],
  'language': ['한국어', 'English'],
  'language.label': ['한국어로 보기', 'Show in English'],
  'empty.none': ['No participants yet.', '아직 참가자가 없습니다.'],
  'empty.filter': ['No participant matches the filter.', '조건에 맞는 참가자가 없습니다.'],
  'empty.alarms': ['No participant has an alarm.', '알람이 있는 참가자가 없습니다.'],
  'scale': ['25 mm/s, 10 mm/mV, grid 5 mm (0.2 s, 0.5 mV); ECG high-pass 0.5 Hz for display',
    '25 mm/s, 10 mm/mV, 격자 5 mm (0.2초, 0.5 mV, CSS 밀리미터 기준); 심전도 표시 필터 0.5 Hz'],
  'scale.lane': ['25 mm/s, {gain} mm/mV', '25 mm/s, {gain} mm/mV'],
  'scale.ppg': ['PPG, not to scale', '맥파(PPG), 자동 크기'],
  'keys': ['Arrows: move · Enter: open · A: acknowledge · /: filter · Esc: back',
    '화살표: 이동 · Enter: 열기 · A: 확인 · /: 찾기 · Esc: 뒤로'],
  'sound.on': ['♪ Sound on', '♪ 소리 켜짐'],
  'sound.off': ['Sound off: press to hear alarms', '소리 꺼짐: 눌러서 알람 듣기'],
  'acknowledge': ['Acknowledge', '확인'],
  'acknowledging': ['Sending…', '전송 중…'],
  'acknowledge.label': ['Acknowledge {reason} of {name}', '{name}의 {reason} 알람 확인'],
  'acknowledge.refused': ['Not acknowledged: {reason}', '확인되지 않음: {reason}'],
  'acknowledge.unsent': ['Not acknowledged: no connection', '확인되지 않음: 연결 없음'],
  'acknowledge.unanswered': ['Not acknowledged: no answer from the server', '확인되지 않음: 서버 응답 없음'],
  'state.active': ['active', '활성'],
  'state.acknowledged': ['✓ acknowledged by {by}', '✓ {by} 확인함'],
  'state.latched': ['condition over', '상태 종료됨'],
  'state.ended': ['ended', '종료됨'],
  'alarm.none': ['No alarm', '알람 없음'],
  'alarm.unknown': ['Alarm state not known', '알람 상태를 알 수 없음'],
  'alarm.unwatched': ['Not watched yet: detectors are being compiled', '아직 감시 전: 검출기 준비 중'],
  'alarm.more': ['+{n} more', '외 {n}건'],
  'alarm.since': ['since {time}', '{time}부터'],
  'alarm.quiet': ['silent, a worse one goes before it', '무음, 더 중한 알람 우선'],
  'open': ['Open {name}, {id}', '{name} ({id}) 열기'],
  'back': ['Back to all', '전체 보기'],
  'unit.rate': ['bpm', 'bpm'],
  'source.0': ['ECG', '심전도'],
  'source.1': ['strap', '가슴 벨트'],
  'source.2': ['device', '기기'],
  'quality': ['Signal {percent} %', '신호 {percent} %'],
  'quality.none': ['Signal --', '신호 --'],
  'why.connection': ['no connection to the server', '서버 연결 없음'],
  'why.never': ['no signal yet', '아직 신호 없음'],
  'why.noecg': ['no ECG for {age}', '{age} 동안 심전도 없음'],
  'why.noppg': ['no PPG for {age}', '{age} 동안 맥파 없음'],
  'why.lead': ['electrode off', '전극 떨어짐'],
  'why.railed': ['ECG at the limit of its range', '심전도 측정 범위 초과'],
  'why.flat': ['ECG flat', '심전도 신호 평탄'],
  'why.noisy': ['ECG noisy', '심전도 잡음'],
  'why.rate': ['no heart rate for {age}', '{age} 동안 심박수 없음'],
  'why.waiting': ['waiting for beats', '박동 찾는 중'],
  'age.s': ['{n} s', '{n}초'],
  'age.min': ['{n} min', '{n}분'],
  'age.h': ['{n} h', '{n}시간'],
  'value.heart_rate': ['Heart rate', '심박수'],
  'value.heart_rate_meter': ['Heart rate', '심박수'],
  'value.spo2': ['SpO2', '산소포화도'],
  'value.respiration': ['Respiration', '호흡수'],
  'value.ventricular_beats': ['Ventricular beats', '심실 박동'],
  'value.ecg_quality': ['ECG quality', '심전도 품질'],
  'value.stale': ['blank, last {age} ago', '표시 안 함, 마지막 {age} 전'],
  'value.age': ['{age} ago', '{age} 전'],
  'part.findings': ['Last findings', '최근 소견'],
  'part.alarms': ['Alarms', '알람'],
  'part.history': ['Alarm history', '알람 이력'],
  'part.values': ['Values', '측정값'],
  'part.none': ['Nothing so far.', '아직 없습니다.'],
  'part.failed': ['Could not be read from the server.', '서버에서 읽지 못했습니다.'],
  'strip.mark': ['▼ marks the onset at {time}', '▼ 시작 {time}'],
  'strip.before': ['onset {time}, before this strip', '시작 {time} (이 구간 이전)'],
  'strip.none': ['No strip: the ECG of that time is not there.', '이 시간의 심전도가 없습니다.'],
  'strip.label': ['10 s of ECG around {what}', '{what} 전후 10초 심전도'],
  'finding.onset': ['began', '시작'],
  'finding.offset': ['ended', '종료'],
  'finding.point': ['', ''],
  'evidence.rr_ms': ['RR {n} ms', 'RR {n} ms'],
  'evidence.mean_rr_ms': ['mean RR {n} ms', '평균 RR {n} ms'],
  'evidence.rate': ['{n} /min', '분당 {n}회'],
  'evidence.limit': ['limit {n} /min', '한계 분당 {n}회'],
  'evidence.beats': ['{n} beats', '{n}박동'],
  'evidence.beats_per_min': ['{n} /min', '분당 {n}회'],
  'evidence.cycles': ['{n} cycles', '{n}주기'],
  'evidence.pauses': ['{n} pauses', '휴지 {n}회'],
  'evidence.seconds': ['{n} s', '{n}초'],
  'evidence.span_s': ['within {n} s', '{n}초 이내'],
  'evidence.lost_s': ['{n} s lost', '{n}초 누락'],
  'evidence.percent': ['{n} %', '{n} %'],
  'evidence.score': ['quality {n} %', '품질 {n} %'],
  'evidence.peak_to_peak_mv': ['{n} mV from peak to peak', '최고-최저 {n} mV'],
  'evidence.by_device': ['told by the device', '기기가 알림'],
  'evidence.railed': ['at the limit of its range', '측정 범위 초과'],
  'evidence.flat': ['flat', '신호 평탄'],
  'evidence.spo2': ['SpO₂ {n} %', '산소포화도 {n} %'],
  'evidence.lowest': ['lowest {n} %', '최저 {n} %'],
  'evidence.extreme': ['furthest {n}', '가장 벗어난 값 {n}'],
  'evidence.glucose': ['{n} mg/dL', '{n} mg/dL'],
  'evidence.expected': ['expected {n} mg/dL', '예상 {n} mg/dL'],
  'evidence.temperature': ['{n} °C', '{n} °C'],
  'evidence.systolic': ['systolic {n} mmHg', '수축기 {n} mmHg'],
  'evidence.diastolic': ['diastolic {n} mmHg', '이완기 {n} mmHg'],
  'evidence.pm2_5': ['PM2.5 {n} µg/m³', '초미세먼지 {n} µg/m³'],
  'evidence.burden_percent': ['burden {n} %', '부담 {n} %'],
  'evidence.confidence': ['confidence {n}', '신뢰도 {n}'],
  'evidence.usable_percent': ['{n} % of RR usable', 'RR {n} % 사용 가능'],
  'evidence.noisy': ['noisy', '잡음'],
  'elsewhere': ['!!! High alarm out of view: {names}', '!!! 화면 밖 높음 알람: {names}'],
  'announce': ['{priority} alarm: {reason}, {name}', '{priority} 알람: {reason}, {name}'],
};

/** Names of findings and alarms by code. @type {Record<string, [string, string]>} */
const CODES = {
  vf: ['Ventricular fibrillation', '심실세동'],
  asystole: ['Asystole', '무수축'],
  vt: ['Ventricular tachycardia', '심실빈맥'],
  ventricular_bradycardia: ['Ventricular bradycardia', '심실서맥'],
  extreme_bradycardia: ['Extreme bradycardia', '극심한 서맥'],
  extreme_tachycardia: ['Extreme tachycardia', '극심한 빈맥'],
  pause: ['Pause', '심정지 구간(휴지)'],
  vt_nonsustained: ['Non-sustained ventricular tachycardia', '비지속성 심실빈맥'],
  ventricular_rhythm: ['Ventricular rhythm', '심실 리듬'],
  pauses_frequent: ['Frequent pauses', '잦은 휴지'],
  bradycardia: ['Bradycardia', '서맥'],
  missed_beat: ['Missed beat', '박동 누락'],
  tachycardia: ['Tachycardia', '빈맥'],
  effort_rate_high: ['Heart rate high for the effort', '운동 중 심박수 높음'],
  pvc_run: ['Run of ventricular beats', '심실조기수축 연발'],
  pvc_couplet: ['Ventricular couplet', '심실조기수축 2연발'],
  pvc_r_on_t: ['R-on-T ventricular beat', 'R-on-T 심실조기수축'],
  pvc_bigeminy: ['Ventricular bigeminy', '심실 이단맥'],
  pvc_trigeminy: ['Ventricular trigeminy', '심실 삼단맥'],
  pvc_frequent: ['Frequent ventricular beats', '잦은 심실조기수축'],
  pvc_multiform: ['Multiform ventricular beats', '다형 심실조기수축'],
  af: ['Atrial fibrillation', '심방세동'],
  irregular_rhythm: ['Irregular rhythm', '불규칙 리듬'],
  heart_rate_recovery_delayed: ['Heart-rate recovery delayed', '심박수 회복 지연'],
  heart_rate_recovery_trend: ['Heart-rate recovery getting slower', '심박수 회복 저하 추세'],
  heart_rate_recovery: ['Heart-rate recovery', '심박수 회복'],
  spo2_very_low: ['Oxygen saturation very low', '산소포화도 매우 낮음'],
  spo2_low: ['Oxygen saturation low', '산소포화도 낮음'],
  spo2_exertional_drop: ['Oxygen saturation falls on exertion', '운동 시 산소포화도 저하'],
  apnoea: ['Apnoea', '무호흡'],
  respiration_high: ['Respiration rate high', '호흡수 높음'],
  respiration_low: ['Respiration rate low', '호흡수 낮음'],
  fever: ['Fever', '발열'],
  hypothermia: ['Hypothermia', '저체온'],
  glucose_urgent_low: ['Glucose urgently low', '혈당 매우 낮음(긴급)'],
  glucose_urgent_low_soon: ['Glucose urgently low soon', '곧 저혈당 위험(긴급)'],
  glucose_low: ['Glucose low', '혈당 낮음'],
  glucose_falling_fast: ['Glucose falling fast', '혈당 급격히 하강'],
  glucose_rising_fast: ['Glucose rising fast', '혈당 급격히 상승'],
  glucose_very_high: ['Glucose very high', '혈당 매우 높음'],
  glucose_high: ['Glucose high', '혈당 높음'],
  blood_pressure_crisis: ['Blood pressure crisis', '고혈압 위기'],
  blood_pressure_exercise_stop: ['Blood pressure: stop the exercise', '혈압: 운동 중단 필요'],
  blood_pressure_exercise_drop: ['Blood pressure drops with load', '운동 중 혈압 저하'],
  blood_pressure_exercise_high: ['Blood pressure high on exercise', '운동 중 혈압 높음'],
  blood_pressure_low: ['Blood pressure low', '혈압 낮음'],
  blood_pressure_home_high: ['Home blood pressure high', '가정 혈압 높음'],
  spirometry_decline: ['Spirometry declines', '폐기능 저하'],
  copd_exacerbation_suspected: ['COPD exacerbation suspected', 'COPD 악화 의심'],
  air_quality_warning: ['Air quality warning', '대기질 경고'],
  air_quality_caution: ['Air quality caution', '대기질 주의'],
  exposure_high: ['Exposure high', '노출량 높음'],
  heat_strain: ['Heat strain', '열 부담'],
  heat_caution: ['Heat caution', '더위 주의'],
  cold_caution: ['Cold caution', '추위 주의'],
  self_harm_risk: ['Self-harm risk', '자해 위험'],
  screening_danger: ['Screening: danger', '선별검사: 위험'],
  screening_warning: ['Screening: warning', '선별검사: 경고'],
  screening_positive: ['Screening positive', '선별검사 양성'],
  lead_off: ['Electrode off', '전극 떨어짐'],
  poor_signal: ['Poor signal', '신호 불량'],
  device_silent: ['Device silent', '기기 신호 없음'],
  gap: ['Samples lost', '데이터 누락'],
  clock_skew: ['Device clock is off', '기기 시계 오차'],
  battery_low: ['Battery low', '배터리 부족'],
  pipeline_stalled: ['Processing stands still', '처리 중단'],
  recipient_unreachable: ['Recipient cannot be reached', '수신자 연락 불가'],
};

const STORED = 'vitalstream.language';
let column = initial();

/** @returns {0 | 1} */
function initial() {
  const chosen = localStorage.getItem(STORED) ?? navigator.language;
  return chosen.toLowerCase().startsWith('ko') ? 1 : 0;
}

/** @returns {'en' | 'ko'} */
export function language() {
  return column ? 'ko' : 'en';
}

/** Change to the other language and remember it. */
export function switchLanguage() {
  column = column ? 0 : 1;
  localStorage.setItem(STORED, language());
}

/** Whether there are words for a key. @param {string} key @returns {boolean} */
export function has(key) {
  return key in WORDS;
}

/** Words for a key, with {places} filled in. @param {string} key @param {Record<string, string | number>} [places] @returns {string} */
export function t(key, places = {}) {
  const words = key.startsWith('code.') ? CODES[key.slice(5)] : WORDS[key];
  const text = words ? words[column] : key.replace(/^\w+\./, '').replaceAll('_', ' ');
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(places[name] ?? whole));
}

/** @param {number} seconds @returns {string} */
export function age(seconds) {
  if (seconds < 120) return t('age.s', { n: Math.floor(seconds) });
  if (seconds < 7200) return t('age.min', { n: Math.floor(seconds / 60) });
  return t('age.h', { n: Math.floor(seconds / 3600) });
}

/** Time of day; for recordings that start at zero the time since their start. @param {number} ms @returns {string} */
export function timeOfDay(ms) {
  if (ms > 1e11) return new Date(ms).toLocaleTimeString(language(), { hour12: false });
  const s = Math.floor(ms / 1000);
  const two = (/** @type {number} */ n) => String(n).padStart(2, '0');
  return `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
}
