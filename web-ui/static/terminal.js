// The serial console: a terminal at the end of a line.
import { Line } from './line.js';
import { ServerLine } from './server-line.js';

// The page's policy allows no <style> elements and no style attributes, and xterm.js makes both. Rules go into constructed
// style sheets and attributes through the CSSOM instead: the policy allows what scripts do there.
const create = Document.prototype.createElement;
document.createElement = function (name, options) {
  return String(name).toLowerCase() === 'style' ? ruleHolder() : create.call(this, name, options);
};

function ruleHolder() {
  const sheet = new CSSStyleSheet();
  const holder = create.call(document, 'template');
  Object.defineProperty(holder, 'textContent', { get: () => '', set: (css) => sheet.replaceSync(css) });
  Object.defineProperty(holder, 'innerText', { get: () => '', set: (css) => sheet.replaceSync(css) });
  Object.defineProperty(holder, 'sheet', { get: () => sheet });
  holder.remove = () => (document.adoptedStyleSheets = document.adoptedStyleSheets.filter((other) => other !== sheet));
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  return holder;
}

const setAttribute = Element.prototype.setAttribute;
Element.prototype.setAttribute = function (name, value) {
  if (name === 'style') this.style.cssText = value;
  else setAttribute.call(this, name, value);
};

const [{ Terminal }, { FitAddon }] = await Promise.all([import('./vendor/xterm.mjs'), import('./vendor/addon-fit.mjs')]);

const page = document.getElementById('console');
const place = document.getElementById('terminal');

const terminal = new Terminal({
  cursorBlink: false,
  fontFamily: getComputedStyle(document.documentElement).getPropertyValue('--mono'),
  fontSize: 14,
  scrollback: 5000,
  screenReaderMode: true,
  theme: { background: '#16181c', foreground: '#e9e9e5', cursor: '#96b6ff', selectionBackground: '#3b4d78' },
});
const fit = new FitAddon();
terminal.loadAddon(fit);
terminal.open(place);
terminal.textarea?.setAttribute('aria-label', place.dataset.label);
fit.fit();
new ResizeObserver(() => fit.fit()).observe(place);
terminal.focus();

// — The line: of a VM, or of a server — What was kept comes first, so the screen begins empty.
const line = page.dataset.server
  ? new ServerLine(page, { begin: () => terminal.reset(), show: (bytes) => terminal.write(bytes) })
  : new Line(page, {
      path: 'console',
      body: { kind: 'serial' },
      begin(socket) {
        socket.addEventListener('open', () => {
          terminal.reset();
          line.up();
        });
        socket.addEventListener('message', ({ data }) => terminal.write(typeof data === 'string' ? data : new Uint8Array(data)));
      },
    });

// — The keyboard —
const encoder = new TextEncoder();
const control = page.querySelector('[data-key="control"]');

const send = (text) => line.send(encoder.encode(text));

terminal.onData((text) => {
  // The phone's Ctrl key holds for one letter.
  const held = control.getAttribute('aria-pressed') === 'true' && text.length === 1;
  if (held) control.setAttribute('aria-pressed', 'false');
  send(held ? String.fromCharCode(text.toUpperCase().charCodeAt(0) & 0x1f) : text);
});
terminal.onBinary((text) => line.send(Uint8Array.from(text, (c) => c.charCodeAt(0))));

// Ctrl+Shift+C and V as in other terminals: Ctrl+C belongs to the guest.
terminal.attachCustomKeyEventHandler((event) => {
  if (event.type !== 'keydown' || !event.ctrlKey || !event.shiftKey) return true;
  if (event.code === 'KeyC') copy();
  else if (event.code === 'KeyV') paste();
  else return true;
  event.preventDefault();
  return false;
});

async function copy() {
  await navigator.clipboard?.writeText(terminal.getSelection());
  cake.announce(cake.say('Copied'));
  terminal.focus();
}

async function paste() {
  const text = await navigator.clipboard?.readText().catch(() => '');
  if (text) terminal.paste(text);
  terminal.focus();
}

page.querySelector('[data-console-copy]').addEventListener('click', copy);
page.querySelector('[data-console-paste]').addEventListener('click', paste);

const keys = { escape: '\x1b', tab: '\t', up: '\x1b[A', down: '\x1b[B', right: '\x1b[C', left: '\x1b[D' };
page.querySelector('.console-keys').addEventListener('pointerdown', (event) => event.preventDefault());
page.querySelector('.console-keys').addEventListener('click', ({ target }) => {
  const { key } = target.dataset;
  if (key === 'control') control.setAttribute('aria-pressed', String(control.getAttribute('aria-pressed') !== 'true'));
  else if (keys[key]) send(keys[key]);
  terminal.focus();
});
