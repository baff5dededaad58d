// What a server or a VM used, or what a sensor measured, as charts: read from the API when the page is there, and then what is new as it is measured.
// The curves are pictures; the same is said in words (the slider's text), in numbers (the table), and by arrow keys.

/** Milliseconds between two readings. */
const AGAIN = { hour: 10_000, day: 60_000, month: 300_000, year: 600_000 };
const LENGTH = { hour: 3600, day: 86_400, month: 31 * 86_400, year: 366 * 86_400 };
/** Rows of the table of numbers. */
const ROWS = 12;
const HEIGHT = 150;

const BYTES = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
const BITS = ['bit', 'kbit', 'Mbit', 'Gbit', 'Tbit'];
const POWERS = Array.from({ length: 60 }, (_, power) => 2 ** power);

/** As many digits as can be read at a glance. */
function short(value) {
  const whole = value === 0 || (value >= 0.95 && Math.abs(value - Math.round(value)) < 0.05);
  const digits = value >= 10 || whole ? 0 : value >= 0.95 ? 1 : 2;
  return value.toFixed(digits);
}

function scaled(value, step, units, suffix) {
  let at = 0;
  while (value >= step - 0.5 && at < units.length - 1) {
    value /= step;
    at += 1;
  }
  return `${short(value)} ${units[at]}${suffix}`;
}

/** A number with its unit; the same words as in the command line. */
function measured(unit, value) {
  if (value === null || value === undefined) return '–';
  if (unit === 'percent') return `${short(value)} %`;
  if (unit === 'bytes') return scaled(value, 1024, BYTES, '');
  if (unit === 'bytes_per_second') return scaled(value, 1024, BYTES, '/s');
  if (unit === 'bits_per_second') return scaled(value, 1000, BITS, '/s');
  return short(value);
}

/** A reading has a handful of digits, and what is averaged no more. */
function reading(value) {
  return String(Number(value.toPrecision(4)));
}

/** The answer about a sensor, as the others are: by measures. */
function adapted(answer) {
  if (!answer.items) return answer;
  const [curve] = answer.items;
  const of = (numbers) => (numbers ? { value: numbers } : {});
  return { ...answer, mean: of(curve?.mean), max: of(curve?.max), min: of(curve?.min) };
}

const known = (values) => values.filter((value) => value !== null && value !== undefined);
const mean = (values) => (values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null);
const filled = (text, facts) => text.replace(/\{(\w+)\}/g, (whole, name) => facts[name] ?? whole);

/** The history of one server or VM, with all its charts. */
class Usage {
  constructor(place) {
    this.place = place;
    this.words = place.dataset;
    this.note = place.querySelector('[data-note]');
    this.buttons = [...place.querySelectorAll('[data-span]')];
    this.charts = [...place.querySelectorAll('.chart')].map((figure) => new Chart(figure, this));
    for (const button of this.buttons) button.addEventListener('click', () => this.show(button.dataset.span));
    document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && this.read());
    const redraw = () => this.charts.forEach((chart) => chart.redraw());
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
    new MutationObserver(redraw).observe(document.documentElement, { attributeFilter: ['data-theme'] });
    this.show('hour');
  }

  show(span) {
    this.span = span;
    this.data = undefined;
    for (const button of this.buttons) button.setAttribute('aria-pressed', button.dataset.span === span);
    this.times = times(this.words.zone, span);
    this.read();
  }

  /** Reads what is not here yet, and comes again. */
  async read() {
    clearTimeout(this.timer);
    if (document.visibilityState !== 'visible') return;
    const span = this.span;
    try {
      // The newest point may not have been over.
      const from = this.data && new Date((this.data.end - 2 * this.data.step) * 1000);
      const after = from ? `&after=${from.toISOString()}` : '';
      const join = this.words.usage.includes('?') ? '&' : '?';
      const answer = await fetch(`${this.words.usage}${join}span=${span}${after}`, { cache: 'no-store' });
      if (span !== this.span) return;
      if (answer.ok) this.take(adapted(await answer.json()));
      this.say(answer.ok ? this.setAside : this.words.unavailable);
    } catch {
      this.say(this.words.unavailable);
    }
    if (span === this.span) this.timer = setTimeout(() => this.read(), AGAIN[span]);
  }

  say(text) {
    this.note.hidden = !text;
    this.note.querySelector('span').textContent = text ?? '';
  }

  take(answer) {
    const at = answer.set_aside_at;
    this.setAside = at ? filled(this.words.setAside, { when: this.times.day(Date.parse(at) / 1000) }) : undefined;
    const start = Date.parse(answer.start) / 1000;
    const step = answer.step_seconds;
    this.data ??= { start, step, end: start, mean: {}, max: {}, min: {} };
    const { data } = this;
    const offset = Math.round((start - data.start) / step);
    const size = Math.max(offset + answer.points, Math.round((data.end - data.start) / step) + 1);
    const over = Math.max(0, size - LENGTH[this.span] / step);
    for (const kind of ['mean', 'max', 'min']) {
      const columns = answer[kind] ?? {};
      for (const name of new Set([...Object.keys(columns), ...Object.keys(data[kind])])) {
        const all = data[kind][name] ?? [];
        while (all.length < size) all.push(null);
        columns[name]?.forEach((value, index) => (all[offset + index] = value));
        data[kind][name] = all.slice(over);
      }
    }
    data.start += over * step;
    data.end = data.start + (size - over - 1) * step;
    data.xs = Array.from({ length: size - over }, (_, index) => data.start + index * step);
    this.charts.forEach((chart) => chart.draw(data));
  }
}

/** Times as people of the page's language write them, in the server's zone. */
function times(zone, span) {
  const chinese = document.documentElement.lang.startsWith('zh');
  const language = chinese ? 'zh-Hant-TW' : 'en-GB';
  const format = (options) => {
    const made = new Intl.DateTimeFormat(language, { timeZone: zone, ...options });
    return (seconds) => made.format(seconds * 1000);
  };
  const clock = format({ hour: chinese ? 'numeric' : '2-digit', minute: '2-digit' });
  const day = format({ day: 'numeric', month: 'short' });
  const month = format({ month: 'short' });
  return { day, tick: { month: day, year: month }[span] ?? clock, full: (seconds) => `${day(seconds)} ${clock(seconds)}` };
}

/** One chart of a history. */
class Chart {
  constructor(figure, usage) {
    Object.assign(this, { figure, usage, unit: figure.dataset.unit, stacked: 'stacked' in figure.dataset });
    /** Of a sensor: where it is warned of it, from below and above; `{ value, tone }`. */
    this.limits = JSON.parse(figure.dataset.limits ?? '[]');
    this.slider = figure.querySelector('.plot');
    this.empty = figure.querySelector('.empty');
    this.table = figure.querySelector('table');
    this.series = [...figure.querySelectorAll('[data-measure]')].map((item) => ({
      name: item.dataset.measure,
      word: item.querySelector('span').textContent,
      now: item.querySelector('[data-now]'),
    }));
    figure.querySelector('details').addEventListener('toggle', () => this.fillTable());
    this.slider.addEventListener('keydown', (event) => this.key(event));
    this.slider.addEventListener('blur', () => this.go(undefined));
    new ResizeObserver(() => this.plot?.setSize(this.size())).observe(this.slider);
  }

  size() {
    return { width: this.slider.clientWidth, height: HEIGHT };
  }

  column(series, kind = 'mean') {
    return this.data[kind][series.name] ?? [];
  }

  /** In words. */
  number(value) {
    if (this.unit !== 'sensor' || value === null || value === undefined) return measured(this.unit, value);
    const { sign } = this.figure.dataset;
    return sign ? `${reading(value)} ${sign}` : reading(value);
  }

  draw(data) {
    this.data = data;
    const counted = this.series.some((series) => series.name in data.mean);
    const any = this.series.some((series) => known(this.column(series)).length);
    this.figure.classList.toggle('without', !any);
    this.empty.hidden = any;
    const { uncounted, notThere, noneYet } = this.empty.dataset;
    const missing = this.usage.span === 'hour' ? noneYet : notThere;
    this.empty.textContent = !counted && this.unit === 'bits_per_second' ? uncounted : missing;
    if (any && this.plot && this.drawn === this.usage.span) this.plot.setData(this.lines());
    else this.redraw();
    this.tell();
    this.fillTable();
  }

  /** What uPlot draws: times, then a line for each measure; parts of a whole stand one upon the other. */
  lines() {
    const columns = this.series.map((series) => this.column(series));
    const below = (at, index) => columns.slice(0, at + 1).reduce((sum, column) => sum + (column[index] ?? 0), 0);
    const lines = columns.map((column, at) =>
      this.stacked ? column.map((value, index) => (value === null ? null : below(at, index))) : column);
    const limits = this.limits.map(({ value }) => this.data.xs.map(() => value));
    return [this.data.xs, ...lines, ...this.edges().map(({ series, kind }) => this.column(series, kind)), ...limits];
  }

  /** Largest values that are drawn too, and smallest. */
  edges() {
    const lows = this.series.filter((series) => known(this.column(series, 'min')).length);
    return [...this.mosts().map((series) => ({ series, kind: 'max' })), ...lows.map((series) => ({ series, kind: 'min' }))];
  }

  /** Measures whose largest values are drawn too. */
  mosts() {
    return this.stacked ? [] : this.series.filter((series) => known(this.column(series, 'max')).length);
  }

  redraw() {
    this.plot?.destroy();
    this.plot = undefined;
    this.drawn = this.usage.span;
    if (!this.data || this.figure.classList.contains('without')) return;
    this.plot = new uPlot({ ...this.size(), ...this.options() }, this.lines(), this.slider);
  }

  options() {
    const style = getComputedStyle(this.figure);
    const colour = (name) => style.getPropertyValue(name).trim();
    const colours = this.series.map((_, at) => colour(`--chart-${at + 1}`));
    const line = (stroke, more) => ({ stroke, width: 1.5, points: { show: false }, ...more });
    const faint = (stroke) => `color-mix(in srgb, ${stroke} ${this.stacked ? 70 : 14}%, transparent)`;
    const edges = this.edges().map(({ series }) => line(colours[this.series.indexOf(series)], { width: 1, dash: [2, 3] }));
    const limits = this.limits.map(({ tone }) => line(colour(`--${tone}`), { width: 1, dash: [8, 4] }));
    const axis = { stroke: colour('--ink-soft'), font: `11px ${style.fontFamily}`, ticks: { show: false } };
    const grid = { stroke: colour('--line'), width: 1 };
    const bytes = this.unit.startsWith('bytes');
    return {
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, sync: { key: this.usage.words.usage }, points: { size: 7 } },
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), this.usage.words.zone),
      scales: { x: { range: () => this.reach() }, y: { range: (_, least, most) => (this.unit === 'sensor' ? this.between() : [0, this.top(most)]) } },
      series: [{}, ...colours.map((stroke, at) => line(stroke, { fill: this.unit === 'sensor' || (at && this.stacked) ? undefined : faint(stroke) })), ...edges, ...limits],
      bands: this.stacked ? colours.slice(1).map((stroke, at) => ({ series: [at + 2, at + 1], fill: faint(stroke) })) : [],
      axes: [
        { ...axis, grid: { show: false }, size: 24, space: 70, values: (_, ticks) => ticks.map((at) => this.usage.times.tick(at)) },
        { ...axis, grid, size: 72, space: 26, ...(bytes && { incrs: POWERS }), values: (_, ticks) => ticks.map((at) => this.number(at)) },
      ],
      hooks: { setCursor: [(plot) => this.point(plot.cursor.idx)] },
    };
  }

  reach() {
    const end = Math.max(this.data.end, Date.now() / 1000);
    return [end - LENGTH[this.usage.span], end];
  }

  /** A whole has its own end; what has none gets a little air. */
  top(most) {
    if (this.stacked && this.unit === 'percent') return 100;
    const last = (name) => known(this.data.mean[name] ?? []).at(-1);
    const [used, available] = [last('memory_used_bytes'), last('memory_available_bytes')];
    if (this.series[0].name === 'memory_used_bytes' && available) return used + available;
    const least = { percent: 5, processors: 0.1, bytes: 2 ** 20, bytes_per_second: 1024, bits_per_second: 1000 };
    return Math.max((most ?? 0) * 1.1, least[this.unit] ?? 1);
  }

  /** All that was measured, and the nearest limit on each side: how far it is to there can be seen. */
  between() {
    const columns = ['mean', 'max', 'min'].flatMap((kind) => known(this.data[kind].value ?? []));
    let [low, high] = [Math.min(...columns), Math.max(...columns)];
    const limits = this.limits.map(({ value }) => value);
    const [below, above] = [limits.filter((value) => value < low), limits.filter((value) => value > high)];
    if (below.length) low = Math.max(...below);
    if (above.length) high = Math.min(...above);
    const air = (high - low) * 0.08 || Math.abs(high) * 0.05 || 1;
    return [low - air, high + air];
  }

  /** The numbers of the legend: of the point beneath the cursor, else the newest. */
  point(index) {
    for (const series of this.series) {
      const column = this.column(series);
      const value = index === null || index === undefined ? known(column).at(-1) : column[index];
      series.now.textContent = this.number(value);
    }
  }

  /** The curve in words. */
  tell() {
    if (this.at !== undefined) return;
    this.point(undefined);
    const { says, comma } = this.usage.words;
    const sentences = this.series.flatMap((series) => {
      const values = known(this.column(series));
      if (!values.length) return [];
      const most = Math.max(...values, ...known(this.column(series, 'max')));
      const number = (value) => this.number(value);
      return [filled(says, { what: series.word, now: number(values.at(-1)), mean: number(mean(values)), most: number(most) })];
    });
    const text = sentences.length ? sentences.join(comma) : this.empty.textContent;
    const last = Math.max(this.data.xs.length - 1, 0);
    for (const [name, value] of [['valuemax', last], ['valuenow', last], ['valuetext', text]]) {
      this.slider.setAttribute(`aria-${name}`, value);
    }
  }

  key(event) {
    const last = (this.data?.xs.length ?? 0) - 1;
    const step = event.shiftKey ? 10 : 1;
    const at = this.at ?? last;
    const to = { ArrowLeft: at - step, ArrowRight: at + step, ArrowDown: at - step, ArrowUp: at + step,
      PageUp: at - 30, PageDown: at + 30, Home: 0, End: last, Escape: undefined };
    if (last < 0 || !(event.key in to) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    this.go(to[event.key] === undefined ? undefined : Math.min(Math.max(to[event.key], 0), last));
  }

  /** Puts the cursor on a point and says it; nowhere without one. */
  go(at) {
    if (at === this.at) return;
    this.at = at;
    this.plot?.setCursor(at === undefined ? { left: -10, top: -10 } : { left: this.plot.valToPos(this.data.xs[at], 'x'), top: 10 });
    if (at === undefined) return this.data && this.tell();
    this.point(at);
    const values = this.series.map((series) => `${series.word} ${this.number(this.column(series)[at])}`);
    this.slider.setAttribute('aria-valuenow', at);
    this.slider.setAttribute('aria-valuetext', [this.usage.times.full(this.data.xs[at]), ...values].join(this.usage.words.comma));
  }

  /** The curve in numbers, newest first: a row is the average of a part of the time. */
  fillTable() {
    if (!this.data || !this.figure.querySelector('details').open) return;
    const edges = this.edges();
    const { time, most, least } = this.usage.words;
    // Headings are words, the rest is data.
    const cell = (kind, text) => Object.assign(document.createElement(kind), { textContent: text, translate: kind === 'th' });
    const row = (kind, texts) => {
      const made = document.createElement('tr');
      made.append(...texts.map((text) => cell(kind, text)));
      return made;
    };
    const heads = [time, ...this.series.map((series) => series.word), ...edges.map(({ series, kind }) => filled(kind === 'max' ? most : least, { what: series.word }))];
    const rows = [];
    const size = this.data.xs.length / ROWS;
    for (let part = ROWS - 1; part >= 0; part -= 1) {
      const [from, to] = [Math.floor(part * size), Math.floor((part + 1) * size)];
      const values = (series, kind) => known(this.column(series, kind).slice(from, to));
      const means = this.series.map((series) => mean(values(series, 'mean')));
      if (to <= from || means.every((value) => value === null)) continue;
      const edge = (kind, all) => (all.length ? Math[kind](...all) : null);
      const ends = edges.map(({ series, kind }) => edge(kind, values(series, kind)));
      const numbers = [...means, ...ends].map((value) => this.number(value));
      rows.push(row('td', [this.usage.times.full(this.data.xs[to - 1]), ...numbers]));
    }
    this.table.replaceChildren(row('th', heads), ...rows);
  }
}

for (const place of document.querySelectorAll('[data-usage]')) new Usage(place);
