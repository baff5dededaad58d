// What each sensor of a server measured in the last hour, as a small line beside its value: one question for all of them.

/** Milliseconds between two readings. */
const AGAIN = 60_000;
const [WIDTH, HEIGHT, EDGE] = [60, 16, 1.5];

class Sparks {
  constructor(place) {
    Object.assign(this, { place, curves: new Map() });
    // What is shown anew has no lines yet.
    place.addEventListener('cake:changed', () => this.draw());
    document.addEventListener('visibilitychange', () => this.read());
    this.read();
  }

  async read() {
    clearTimeout(this.timer);
    if (document.visibilityState !== 'visible') return;
    const answer = await fetch(this.place.dataset.sparks, { cache: 'no-store' }).catch(() => null);
    // Where nothing answers the lines of before stay: they are of the hour before.
    if (answer?.ok) {
      const { items } = await answer.json();
      this.curves = new Map(items.map(({ sensor, mean }) => [sensor, mean]));
      this.draw();
    }
    this.timer = setTimeout(() => this.read(), AGAIN);
  }

  draw() {
    for (const spark of this.place.querySelectorAll('[data-spark]')) {
      const line = path(this.curves.get(spark.dataset.spark) ?? []);
      spark.classList.toggle('without', !line);
      const drawn = spark.querySelector('path');
      drawn.setAttribute('d', line);
    }
  }
}

/** From the least to the most; what hardly moves is a line in the middle; a gap is a gap. */
function path(values) {
  const known = values.filter((value) => value !== null);
  if (known.length < 2) return '';
  const [least, most] = [Math.min(...known), Math.max(...known)];
  const still = most - least < Math.abs(most) * 0.01;
  const x = (at) => ((at / (values.length - 1)) * WIDTH).toFixed(1);
  const y = (value) => (still ? HEIGHT / 2 : HEIGHT - EDGE - ((value - least) / (most - least)) * (HEIGHT - 2 * EDGE)).toFixed(1);
  let pen = 'M';
  return values.reduce((line, value, at) => {
    if (value === null) {
      pen = 'M';
      return line;
    }
    const next = `${line}${pen}${x(at)} ${y(value)}`;
    pen = 'L';
    return next;
  }, '');
}

for (const place of document.querySelectorAll('[data-sparks]')) new Sparks(place);
