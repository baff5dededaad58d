// What every page does: sends forms and buttons to /v1, shows what was refused beside the field, and keeps regions live.
// A page says what it wants in data attributes; README.md lists them. Nothing here knows a particular page.
'use strict';

const cake = (() => {
  const say = (word) => document.body.dataset[`say${word}`] ?? '';
  const language = document.documentElement.lang;

  // — Speaking with the API —

  /** Sends a request. Resolves to { ok, status, json }; never rejects. */
  async function api(method, path, { body, etag, key, headers = {} } = {}) {
    const all = { Accept: 'application/json', 'Accept-Language': language, ...headers };
    const csrf = document.querySelector('meta[name="csrf"]')?.content;
    if (csrf) all['X-Cake-CSRF'] = csrf;
    if (body !== undefined) all['Content-Type'] = 'application/json';
    if (etag) all['If-Match'] = etag;
    if (method === 'POST') all['Idempotency-Key'] = key ?? newKey();
    try {
      const response = await fetch(path, {
        method,
        headers: all,
        body: body === undefined ? undefined : JSON.stringify(body),
        credentials: 'same-origin',
      });
      const text = await response.text();
      return { ok: response.ok, status: response.status, json: text ? parsed(text) : null };
    } catch {
      return { ok: false, status: 0, json: null };
    }
  }

  function parsed(text) {
    try {
      return JSON.parse(text);
    } catch {
      return null;
    }
  }

  /** A key that makes a repeated request happen once. */
  function newKey() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  }

  /** What was refused, in the page's language: { title, text, code, request, pointer }. */
  function explain(answer) {
    const problem = answer.json ?? {};
    const message = problem.messages?.[language] ?? problem;
    const text = [message.detail ?? problem.detail, message.next ?? problem.next].filter(Boolean).join(say('Gap'));
    return {
      title: message.title || (answer.status ? say('Problem') : say('Unreachable')),
      text,
      code: problem.code,
      request: problem.request_id,
      pointer: problem.pointer,
    };
  }

  // — Saying things —

  let saidFor;

  /** Says it to ears; with `seen`, to eyes too, for as long as a sentence takes to read. */
  function announce(text, { seen = false } = {}) {
    const place = document.getElementById('say');
    if (!place) return;
    clearTimeout(saidFor);
    place.textContent = '';
    place.className = seen ? 'said' : 'hidden';
    requestAnimationFrame(() => (place.textContent = text));
    if (seen) saidFor = setTimeout(() => (place.className = 'hidden'), 2000 + 80 * text.length);
  }

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  function helpLink(code) {
    return element('a', { href: `/help/problems#${code}` }, say('Help'));
  }

  /** A notice that holds a refusal. It takes the place of the one before. */
  function notice(problem, place, tone = 'bad') {
    const box = element('div', { class: `notice ${tone}`, role: tone === 'bad' ? 'alert' : 'status', 'data-test': 'notice', 'data-notice': '' });
    const inner = element('div', {}, element('p', {}, element('b', {}, problem.title)));
    if (problem.text) inner.append(element('p', {}, problem.text));
    if (problem.code) {
      box.dataset.code = problem.code;
      const small = element('p', { class: 'note' }, helpLink(problem.code));
      if (problem.request) small.append(` · ${say('Request')}${say('Gap')}`, element('code', { translate: 'no' }, problem.request));
      inner.append(small);
    }
    box.append(inner);
    clearNotice(place);
    place.prepend(box);
    box.scrollIntoView({ block: 'nearest' });
    return box;
  }

  function clearNotice(place) {
    place.querySelectorAll(':scope > [data-notice]').forEach((old) => old.remove());
  }

  // — Forms —

  /** The fields of a form as JSON, each at the pointer that is its name. */
  function collect(form) {
    const body = {};
    for (const field of form.elements) {
      if (!field.name?.startsWith('/') || field.disabled) continue;
      if (field.type === 'radio' && !field.checked) continue;
      if (field.dataset.with && !valueAt(form, field.dataset.with)) continue;
      const value = read(form, field);
      if (value !== undefined) put(body, field.name, value);
    }
    // Places of a list about which nothing was said are left out of it.
    for (const [name, value] of Object.entries(body)) {
      if (Array.isArray(value)) body[name] = value.filter(() => true);
    }
    return body;
  }

  /** What a field says: what was typed, or its default once another field needs it. */
  function said(form, field) {
    const typed = field.value.trim();
    const { default: otherwise, defaultWith } = field.dataset ?? {};
    return typed === '' && defaultWith && valueAt(form, defaultWith) ? otherwise : typed;
  }

  const valueAt = (form, pointer) => form.elements[pointer] && said(form, form.elements[pointer]);

  function read(form, field) {
    const text = said(form, field);
    switch (field.dataset.type) {
      case 'int':
        return text === '' ? undefined : Number(text);
      case 'bool':
        return field.checked;
      case 'switch':
        return text === '' ? undefined : text === 'on';
      case 'now':
        return new Date().toISOString();
      case 'list':
        return [];
      case 'words':
        return text.split(/[\s,]+/).filter(Boolean);
      case 'lines':
        return text.split('\n').map((line) => line.trim()).filter(Boolean);
      default: {
        if ('optional' in field.dataset && text === '') return undefined;
        return field.type === 'password' || field.tagName === 'TEXTAREA' ? field.value : text;
      }
    }
  }

  /** Puts a value at a JSON pointer (RFC 6901), making objects and lists on the way. */
  function put(body, pointer, value) {
    const path = pointer.slice(1).split('/');
    let at = body;
    path.forEach((part, depth) => {
      const key = Array.isArray(at) ? Number(part) : part;
      if (depth === path.length - 1) at[key] = value;
      else at = at[key] ??= /^\d+$/.test(path[depth + 1]) ? [] : {};
    });
  }

  /** Shows a refusal at its field, or where the form's refusals go if it has none. */
  function showProblem(form, problem, place = form) {
    const field = problem.pointer && fieldAt(form, problem.pointer);
    if (!field) return void notice(problem, place);
    mistake(field, problem.text || problem.title, problem.code);
    field.focus();
  }

  function fieldAt(form, pointer) {
    const fields = [...form.elements].filter((field) => field.name?.startsWith('/'));
    const found = fields.find((field) => field.name === pointer && (field.type !== 'radio' || field.checked));
    return found ?? fields.find((field) => field.name.startsWith(`${pointer}/`) || pointer.startsWith(`${field.name}/`));
  }

  /** Marks a field as wrong and says why, until it is changed. */
  function mistake(field, text, code) {
    for (let outer = field.closest('details'); outer; outer = outer.parentElement.closest('details')) outer.open = true;
    const id = `mistake-${field.id || field.name.replaceAll('/', '-')}`;
    document.getElementById(id)?.remove();
    const line = element('span', { class: 'mistake', id, 'data-test': 'mistake' }, text);
    if (code) line.append(say('Gap'), helpLink(code));
    (field.closest('.field, .check, fieldset') ?? field.parentElement).append(line);
    field.setAttribute('aria-invalid', 'true');
    const described = field.getAttribute('aria-describedby');
    field.setAttribute('aria-describedby', [described, id].filter(Boolean).join(' '));
    const clear = () => {
      line.remove();
      field.removeAttribute('aria-invalid');
      if (described) field.setAttribute('aria-describedby', described);
      else field.removeAttribute('aria-describedby');
      field.removeEventListener('input', clear);
    };
    field.addEventListener('input', clear);
    announce(text);
  }

  async function submit(form) {
    const [method, path] = form.dataset.api.split(' ');
    const button = form.querySelector('[type="submit"]');
    if (button?.getAttribute('aria-busy') === 'true') return;
    clearNotice(form);
    const body = collect(form);
    // The same answers under the same key: a second try after a lost answer can't do it twice.
    const written = JSON.stringify(body);
    if (form.lastWritten !== written) Object.assign(form, { lastWritten: written, key: newKey() });
    busy(button, true);
    const answer = await api(method, path, { body, etag: etagOf(form), key: form.key });
    if (!answer.ok) {
      busy(button, false);
      if (answer.status) form.lastWritten = undefined;
      return showProblem(form, explain(answer));
    }
    form.lastWritten = undefined;
    if (form.dataset.cookie) {
      const [name, pointer] = form.dataset.cookie.split('=');
      setCookie(name, valueAt(form, pointer));
    }
    done(form, answer, button);
  }

  function done(form, answer, button) {
    const { said, shows, secret, then } = form.dataset;
    if (shows) {
      document.getElementById(`${shows.replace(/-new$/, '')}-secret`).textContent = answer.json?.[secret] ?? '';
      document.getElementById(shows).hidden = false;
      form.reset();
      refresh();
    }
    if (said) {
      form.reset();
      notice({ title: said }, form, 'good');
    }
    if (shows || said || !then) return busy(button, false);
    go(then, answer.json);
  }

  /** An ETag may be kept by a live region, which is newer than the form. */
  function etagOf(from) {
    return from.dataset.etagFrom ? document.getElementById(from.dataset.etagFrom)?.dataset.etag : from.dataset.etag;
  }

  function go(address, json) {
    const filled = address.replace(/\{([\w.]+)\}/g, (_, path) =>
      encodeURIComponent(path.split('.').reduce((at, part) => at?.[part], json) ?? ''),
    );
    if (filled === location.pathname) location.reload();
    else location.assign(filled);
  }

  function busy(button, is) {
    if (!button) return;
    button.toggleAttribute('disabled', is);
    if (is) button.setAttribute('aria-busy', 'true');
    else button.removeAttribute('aria-busy');
  }

  function setCookie(name, value) {
    document.cookie = `${name}=${value}; Path=/; Max-Age=31536000; SameSite=Lax; Secure`;
  }

  // — Buttons —

  /** Asks before something that can't be taken back. Resolves to whether it was meant. */
  function confirmed({ title, text, verb, name, list = [], harmless = false }) {
    const dialog = document.getElementById('confirm');
    dialog.querySelector('#confirm-title').textContent = title;
    const place = dialog.querySelector('#confirm-text');
    place.replaceChildren(text);
    if (list.length) place.append(element('b', { translate: 'no' }, list.join(say('Comma'))));
    const [yes, typed] = [dialog.querySelector('#confirm-yes'), dialog.querySelector('#confirm-name')];
    yes.textContent = verb;
    yes.className = harmless ? 'button primary' : 'button danger';
    dialog.querySelector('#confirm-type').hidden = !name;
    dialog.querySelector('#confirm-expected').textContent = name ?? '';
    typed.value = '';
    const check = () => (yes.disabled = Boolean(name) && typed.value.trim() !== name);
    typed.oninput = check;
    check();
    dialog.returnValue = '';
    dialog.showModal();
    return new Promise((resolve) =>
      dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true }),
    );
  }

  async function press(button) {
    const { api: route, confirmTitle, confirmText, confirmVerb, confirmName, then, body, says } = button.dataset;
    if (confirmTitle) {
      const meant = await confirmed({ title: confirmTitle, text: confirmText, verb: confirmVerb, name: confirmName });
      if (!meant) return;
    }
    const [method, path] = route.split(' ');
    const place = document.getElementById('main');
    clearNotice(place);
    busy(button, true);
    const answer = await api(method, path, { etag: etagOf(button), body: body && JSON.parse(body) });
    busy(button, false);
    if (!answer.ok) notice(explain(answer), place);
    else if (says) notice({ title: answer.json?.[says] ?? '' }, place, answer.json?.delivered ? 'good' : 'bad');
    else if (then) go(then, answer.json);
  }

  /** Presses all buttons of one kind, asked once: one request for each, in turn; what was refused is said at the end. */
  async function pressEach(button) {
    const { each, confirmTitle, confirmText, confirmVerb } = button.dataset;
    if (!(await confirmed({ title: confirmTitle, text: confirmText, verb: confirmVerb }))) return;
    const place = document.getElementById('main');
    clearNotice(place);
    busy(button, true);
    let refused;
    // Rows leave while this goes on.
    for (const route of [...document.querySelectorAll(`[data-test="${each}"]`)].map((one) => one.dataset.api)) {
      const answer = await api(...route.split(' '));
      if (!answer.ok) refused ??= answer;
    }
    busy(button, false);
    if (refused) notice(explain(refused), place);
  }

  // — Live regions —

  /** Makes the content of a region like `html`, changing only what differs: focus, selection and typed text stay. */
  function morph(region, html) {
    const fresh = region.cloneNode(false);
    fresh.innerHTML = html;
    morphChildren(region, fresh);
    region.dispatchEvent(new CustomEvent('cake:changed', { bubbles: true }));
  }

  function morphChildren(old, fresh) {
    const byId = new Map([...old.children].filter((child) => child.id).map((child) => [child.id, child]));
    let at = old.firstChild;
    for (const node of [...fresh.childNodes]) {
      const alike = at && !at.id && !node.id && at.nodeName === node.nodeName;
      const match = node.id ? byId.get(node.id) : alike ? at : null;
      if (!match) {
        old.insertBefore(node, at);
        continue;
      }
      if (match === at) at = at.nextSibling;
      else old.insertBefore(match, at);
      morphNode(match, node);
    }
    while (at) {
      const gone = at;
      at = at.nextSibling;
      gone.remove();
    }
  }

  function morphNode(old, fresh) {
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
      return;
    }
    // A form that somebody is filling in is theirs, with the version that it began from.
    if (old.touched) return;
    // What the reader did stays: an open section, a chosen row, a button that waits for its answer.
    const kept = new Set(['open', 'aria-busy']);
    if (old.getAttribute('aria-busy') === 'true') kept.add('disabled');
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && !kept.has(name)) old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value && !kept.has(name)) old.setAttribute(name, value);
    }
    if (!(old === document.activeElement && old.matches('input, textarea, select'))) morphChildren(old, fresh);
  }

  let stream;
  let offlineTimer;

  function listen() {
    stream?.close();
    const address = document.body.dataset.live;
    if (!address) return;
    stream = new EventSource(address);
    for (const region of document.querySelectorAll('[data-region]')) {
      stream.addEventListener(region.id, (event) => morph(region, event.data));
    }
    stream.addEventListener('open', () => {
      clearTimeout(offlineTimer);
      offlineTimer = undefined;
      document.getElementById('offline').hidden = true;
    });
    stream.addEventListener('error', () => interrupted());
  }

  /** The stream broke. The browser connects again by itself unless it was refused; then somebody has to log in. */
  async function interrupted() {
    offlineTimer ??= setTimeout(() => (document.getElementById('offline').hidden = false), 3000);
    if (stream.readyState !== EventSource.CLOSED) return;
    const answer = await fetch(document.body.dataset.live, { headers: { Accept: 'text/event-stream' } }).catch(() => null);
    answer?.body?.cancel();
    if (answer?.status === 401) location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
    else setTimeout(listen, 2000);
  }

  /** Reads a page again (this one if no other is given) and brings the regions up to date. */
  async function refresh(address = location.href) {
    const answer = await fetch(address, { headers: { Accept: 'text/html' } }).catch(() => null);
    if (!answer?.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    for (const region of document.querySelectorAll('[data-region], [data-refresh]')) {
      const fresh = page.getElementById(region.id);
      if (fresh) morph(region, fresh.innerHTML);
    }
    document.body.dataset.live = page.body.dataset.live;
  }

  // — Small things —

  function switchTheme(button) {
    const order = ['auto', 'light', 'dark'];
    const root = document.documentElement;
    const next = order[(order.indexOf(root.dataset.theme) + 1) % order.length];
    root.dataset.theme = next;
    setCookie('cake_theme', next);
    const word = button.dataset[`word${next[0].toUpperCase()}${next.slice(1)}`];
    button.title = word;
    announce(word);
  }

  /** Copies, and says so where it is seen; where the browser does not allow it, the text is selected for the keyboard. */
  async function copy(text, from) {
    try {
      await navigator.clipboard.writeText(text.trim());
      announce(say('Copied'), { seen: true });
    } catch {
      getSelection().selectAllChildren(from);
      announce(say('Marked'), { seen: true });
    }
  }

  document.addEventListener('submit', (event) => {
    const form = event.target;
    if (!form.dataset.api) return;
    event.preventDefault();
    submit(form);
  });

  document.addEventListener('input', ({ target }) => {
    if (target.form?.dataset.api) target.form.touched = true;
  });
  document.addEventListener('reset', ({ target }) => (target.touched = false));

  document.addEventListener('click', (event) => {
    const at = (selector) => event.target.closest(selector);
    const button = at('button[data-api]');
    if (button) return void press(button);
    const each = at('button[data-each]');
    if (each) return void pressEach(each);
    const theme = at('[data-theme-switch]');
    if (theme) return switchTheme(theme);
    const from = at('[data-copy-from]');
    if (from) {
      const place = document.getElementById(from.dataset.copyFrom);
      return void copy(place.textContent, place);
    }
    const copied = at('[data-copy]');
    if (copied) return void copy(copied.dataset.copy, copied.parentElement.querySelector('code'));
    if (at('[data-print]')) return print();
    if (at('[data-show-keys]')) return document.getElementById('keys').showModal();
    const link = at('a[data-keep-hash]');
    if (link && location.hash) link.href = link.href.split('#')[0] + location.hash;
    // A menu closes when one looks elsewhere.
    for (const menu of document.querySelectorAll('details.menu[open]')) if (!menu.contains(event.target)) menu.open = false;
  });

  // — Keys —

  let before = '';
  document.addEventListener('keydown', (event) => {
    const typing = event.target.closest?.('input, textarea, select, .screen, dialog');
    if (event.key === 'Escape') {
      if (event.target.matches('input[type="search"]')) event.target.blur();
      for (const menu of document.querySelectorAll('details.menu[open]')) menu.open = false;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (typing && event.target.type !== 'checkbox') return;
    const places = { v: '/vms', t: '/tasks', e: '/events', o: '/' };
    if (before === 'g' && places[event.key]) return location.assign(places[event.key]);
    before = event.key;
    if (event.key === '/') {
      const search = document.getElementById('everywhere') ?? document.getElementById('q');
      // Where a phone has no room for the box there is a page for it.
      if (search && !search.checkVisibility()) return location.assign('/search');
      if (search) {
        event.preventDefault();
        search.focus();
        search.select();
      }
    } else if (event.key === '?') document.getElementById('keys')?.showModal();
    else if (event.key === 'n') document.querySelector('[data-new]')?.click();
    else if (event.key === 'j' || event.key === 'k') moveRow(event.key === 'j' ? 1 : -1);
  });

  function moveRow(step) {
    const rows = [...document.querySelectorAll('[data-rows] tbody tr[id]')];
    if (!rows.length) return;
    const now = rows.findIndex((row) => row.contains(document.activeElement));
    const row = rows[Math.min(Math.max(now + step, 0), rows.length - 1)];
    (row.querySelector('a') ?? row).focus();
  }

  listen();
  addEventListener('pagehide', () => stream?.close());
  addEventListener('pageshow', (event) => event.persisted && listen());

  return { api, explain, announce, notice, mistake, showProblem, collect, confirmed, busy, refresh, listen, go, newKey, say };
})();
