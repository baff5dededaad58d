// The screen: noVNC at the end of a line. What this page may send is decided by the server; the page only shows it.
import RFB from './vendor/novnc/core/rfb.js';
import { Line } from './line.js';
import { characters } from './keys.js';

const page = document.getElementById('console');
const place = document.getElementById('screen');
const held = document.getElementById('screen-control');
const button = (name) => page.querySelector(`[data-screen="${name}"]`);

/** Pressed keys are let go before the next: slower guests lose keys that come faster. Milliseconds. */
const TYPING_PAUSE = 24;

let rfb;
let control = { yours: false, may: false, by: null, viewers: 0 };

// — The line —

/** What noVNC takes for a WebSocket: the binary messages of one. */
class Channel {
  binaryType = 'arraybuffer';
  protocol = '';
  onopen = null;
  onmessage = null;
  onclose = null;
  onerror = null;

  constructor(socket) {
    this.socket = socket;
    socket.addEventListener('open', () => this.onopen?.());
    socket.addEventListener('close', (event) => this.onclose?.(event));
    socket.addEventListener('error', (event) => this.onerror?.(event));
  }

  get readyState() {
    return this.socket.readyState;
  }

  send(data) {
    if (this.readyState === WebSocket.OPEN) this.socket.send(data);
  }

  close() {
    this.socket.close();
  }
}

const line = new Line(page, {
  path: 'screen',
  begin(socket) {
    const channel = new Channel(socket);
    socket.addEventListener('message', (event) => {
      if (typeof event.data === 'string') told(JSON.parse(event.data));
      else channel.onmessage?.(event);
    });
    socket.addEventListener('close', () => told({ yours: false, may: control.may, by: null, viewers: 0 }));
    const mine = new RFB(place, channel, { shared: true });
    rfb = mine;
    rfb.background = '#16181c';
    rfb.viewOnly = !control.yours;
    rfb.showDotCursor = true;
    scale();
    const canvas = place.querySelector('canvas');
    canvas.tabIndex = 0;
    canvas.setAttribute('role', 'application');
    canvas.setAttribute('aria-label', place.dataset.label);
    mine.addEventListener('connect', () => {
      line.up();
      show();
      if (document.activeElement === document.body && !matchMedia('(pointer: coarse)').matches) mine.focus({ preventScroll: true });
    });
    mine.addEventListener('disconnect', () => socket.close());
  },
});

// — Who is in control —

function told(now) {
  const lost = control.yours && !now.yours && now.by !== null;
  control = now;
  if (rfb) rfb.viewOnly = !now.yours;
  show();
  if (lost) cake.announce(held.textContent);
}

function show() {
  const up = line?.isOpen ?? false;
  const words = control.yours ? held.dataset.yours : control.by === null ? held.dataset.nobody : held.dataset.other.replace('%n', control.by);
  const others = control.viewers > 1 ? ` ${held.dataset.viewers.replace('%n', control.viewers)}` : '';
  held.textContent = up ? `${control.may ? words : held.dataset.never}${others}` : '';
  held.dataset.control = !up ? 'none' : control.yours ? 'yours' : control.by === null ? 'nobody' : 'other';
  button('take').hidden = !up || control.yours || !control.may;
  for (const one of page.querySelectorAll('[data-input]')) one.disabled = !up || !control.yours;
}

button('take').addEventListener('click', () => {
  line.send('take-control');
  rfb?.focus();
});

// — Scaling —

function scale() {
  const fits = button('fit').getAttribute('aria-pressed') === 'true';
  rfb.scaleViewport = fits;
  place.dataset.scale = fits ? 'fit' : 'full';
}

button('fit').addEventListener('click', ({ currentTarget }) => {
  currentTarget.setAttribute('aria-pressed', String(currentTarget.getAttribute('aria-pressed') !== 'true'));
  if (rfb) scale();
});

const whole = button('full');
whole.hidden = !document.fullscreenEnabled;
whole.addEventListener('click', () => (document.fullscreenElement ? document.exitFullscreen() : page.requestFullscreen()));
document.addEventListener('fullscreenchange', () => whole.setAttribute('aria-pressed', String(document.fullscreenElement === page)));

// — Keys —

/** Presses and lets go, as on a keyboard with an American layout: the guest's layout says what that means. */
function press(key) {
  if (key.shift) rfb.sendKey(0xffe1, 'ShiftLeft', true);
  rfb.sendKey(key.keysym, key.code, true);
  rfb.sendKey(key.keysym, key.code, false);
  if (key.shift) rfb.sendKey(0xffe1, 'ShiftLeft', false);
}

button('cad').addEventListener('click', () => {
  rfb?.sendCtrlAltDel();
  rfb?.focus();
});

// The keyboard belongs to the guest while the screen has the focus; this is the way out of it.
place.addEventListener(
  'keydown',
  (event) => {
    if (event.code !== 'KeyG' || !event.ctrlKey || !event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    // Lets go of what noVNC believes to be held.
    rfb.viewOnly = true;
    rfb.viewOnly = !control.yours;
    [...page.querySelectorAll('.console-line button:not(:disabled)')].find((one) => one.checkVisibility())?.focus();
  },
  true,
);

const modifier = page.querySelector('[data-key="control"]');
const named = { escape: ['Escape', 0xff1b], tab: ['Tab', 0xff09], up: ['ArrowUp', 0xff52], down: ['ArrowDown', 0xff54], left: ['ArrowLeft', 0xff51], right: ['ArrowRight', 0xff53] };

/** The phone's Ctrl key holds for one key. */
function pressHeld(key) {
  if (!rfb || !control.yours) return;
  const isHeld = modifier.getAttribute('aria-pressed') === 'true';
  if (isHeld) rfb.sendKey(0xffe3, 'ControlLeft', true);
  press(key);
  if (isHeld) rfb.sendKey(0xffe3, 'ControlLeft', false);
  modifier.setAttribute('aria-pressed', 'false');
}

page.querySelector('.console-keys').addEventListener('pointerdown', (event) => event.preventDefault());
page.querySelector('.console-keys').addEventListener('click', ({ target }) => {
  const name = target.closest('button')?.dataset.key;
  if (name === 'control') modifier.setAttribute('aria-pressed', String(modifier.getAttribute('aria-pressed') !== 'true'));
  else if (named[name]) pressHeld({ code: named[name][0], keysym: named[name][1], shift: false });
});

// — The touch keyboard: what is written into a field that nobody sees goes to the guest —
const typing = document.getElementById('screen-typing');
// Something to delete, or the phone would not tell of the key.
const FILLING = '    ';

function refill() {
  typing.value = FILLING;
  typing.setSelectionRange(FILLING.length, FILLING.length);
}

button('keyboard').addEventListener('click', () => {
  refill();
  typing.focus();
});
typing.addEventListener('input', (event) => {
  if (event.isComposing) return;
  const text = typing.value;
  if (text.length < FILLING.length) pressHeld({ code: 'Backspace', keysym: 0xff08, shift: false });
  else for (const character of text.slice(FILLING.length)) if (characters[character]) pressHeld(characters[character]);
  refill();
});
typing.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter') return;
  event.preventDefault();
  pressHeld(characters['\n']);
});

// — Paste: without an agent in the guest there is no clipboard there, so the text is typed —
const dialog = document.getElementById('paste');
const text = document.getElementById('paste-text');

button('paste').addEventListener('click', async () => {
  text.value = (await navigator.clipboard?.readText?.().catch(() => '')) ?? '';
  dialog.showModal();
  text.focus();
});
dialog.addEventListener('close', async () => {
  if (dialog.returnValue !== 'yes') return;
  const written = [...text.value.replaceAll('\r\n', '\n')];
  text.value = '';
  cake.busy(button('paste'), true);
  let typed = 0;
  for (const character of written) {
    // Whoever takes control, or a line that breaks, ends it.
    if (!rfb || !control.yours) break;
    const key = characters[character];
    if (!key) continue;
    press(key);
    typed += 1;
    await new Promise((next) => setTimeout(next, TYPING_PAUSE));
  }
  cake.busy(button('paste'), false);
  show();
  const said = typed === written.length ? dialog.dataset.all : dialog.dataset.some;
  cake.announce(said.replace('%n', typed).replace('%m', written.length));
  rfb?.focus();
});

show();
