// Brings a file in: chunk by chunk, a few at a time, again and again until each is there. What is there stays there, so a page
// that was closed, a Wi-Fi that was lost or another computer goes on where it was.
'use strict';

(() => {
  const AT_ONCE = 3;
  const LAST_PAUSE = 30_000;
  const GIVE_UP = 20;
  const READY_TRIES = 240;
  const READY_PAUSE = 250;
  const form = document.getElementById('upload');
  const state = document.getElementById('upload-state');
  if (!form) return;
  const [file, url, name, sticks] = ['file', 'url', 'name', 'sticks'].map((part) => document.getElementById(`upload-${part}`));
  let sending = 0;

  // A name that says what the file is: most people keep it. One that was typed stays.
  let proposed = '';
  function propose(path) {
    if (!path || (name.value && name.value !== proposed)) return;
    const plain = path.replace(/\.(iso|img|raw|qcow2|vmdk|vhdx|ova)$/i, '');
    proposed = plain.replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-+|-+$/g, '').slice(0, 63);
    name.value = proposed;
  }
  file.addEventListener('change', () => propose(file.files[0]?.name));
  url.addEventListener('change', () => propose(URL.canParse(url.value) && new URL(url.value).pathname.split('/').pop()));

  sticks.addEventListener('change', ({ target }) => propose(target.dataset.path?.split('/').pop()));

  // One of the three is asked for.
  const asked = () => form.elements.from.value;
  const choose = () => {
    [[file, 'file'], [url, 'url']].forEach(([field, from]) => {
      field.disabled = asked() !== from;
      field.closest('.field').hidden = field.disabled;
    });
    sticks.hidden = asked() !== 'stick';
    // What was missing is not any more, or is not asked for.
    stickChoice().dispatchEvent(new Event('input'));
  };
  const onStick = () => sticks.querySelector('input:checked');
  const stickChoice = () => form.querySelector('[name="from"][value="stick"]');
  form.addEventListener('change', choose);
  form.addEventListener('reset', () => setTimeout(choose));

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const from = asked();
    const chosen = from === 'file' ? file.files[0] : undefined;
    if (from === 'file' && !chosen) return cake.mistake(file, form.dataset.sayFile);
    if (from === 'url' && !url.value.trim()) return cake.mistake(url, form.dataset.sayUrl);
    if (from === 'stick' && !onStick()) return cake.mistake(stickChoice(), form.dataset.sayStick);
    const button = form.querySelector('[type="submit"]');
    cake.busy(button, true);
    const body = { ...cake.collect(form), size: chosen?.size };
    if (from === 'stick') Object.assign(body, { stick: onStick().dataset.stick, path: onStick().dataset.path });
    const answer = await cake.api('POST', '/v1/imports', { body });
    cake.busy(button, false);
    if (!answer.ok) return refused(cake.explain(answer));
    form.reset();
    document.getElementById('upload-box').open = false;
    if (chosen) await send(answer.json.id, chosen);
  });

  function refused(problem) {
    const elsewhere = { '/size': asked() === 'stick' ? stickChoice() : file, '/stick': stickChoice(), '/path': stickChoice() };
    const field = form.querySelector(`[name="${problem.pointer}"]`) ?? elsewhere[problem.pointer];
    if (!field) return cake.notice(problem, form);
    cake.mistake(field, problem.text || problem.title, problem.code);
    field.focus();
  }

  // An upload that waits: the same file is chosen again.
  document.addEventListener('change', ({ target }) => {
    const { goOn, size } = target.dataset;
    if (!goOn || !target.files[0]) return;
    if (target.files[0].size !== Number(size)) return cake.mistake(target, form.dataset.sayOther);
    send(goOn, target.files[0]);
  });

  async function send(id, chosen) {
    let found = await cake.api('GET', `/v1/imports/${id}`);
    // A server that has just begun, or began anew, takes chunks in a moment.
    for (let tries = 0; found.ok && found.json.state === 'pending' && tries < READY_TRIES; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, READY_PAUSE));
      found = await cake.api('GET', `/v1/imports/${id}`);
    }
    if (!found.ok) return cake.notice(cake.explain(found), document.getElementById('main'));
    const { chunk_size: length, missing } = found.json;
    const left = (missing ?? []).flatMap(([first, count]) => Array.from({ length: count }, (_, at) => first + at));
    sending += 1;
    tell();
    const work = Array.from({ length: AT_ONCE }, async () => {
      for (let chunk = left.shift(); chunk !== undefined; chunk = left.shift()) {
        const problem = await sendChunk(id, chunk, chosen.slice(chunk * length, (chunk + 1) * length));
        if (!problem) continue;
        left.length = 0;
        // Somebody took it back: then there is nothing to say.
        if (problem.code !== 'not-found') cake.notice(problem, document.getElementById('main'));
      }
    });
    await Promise.all(work);
    sending -= 1;
    tell();
  }

  /** Resolves to what was refused for good, or to nothing. */
  async function sendChunk(id, chunk, part) {
    const again = new Set([0, 409, 429, 500, 502, 503, 504]);
    for (let tries = 0, pause = 250; ; tries += 1, pause = Math.min(pause * 2, LAST_PAUSE)) {
      const answer = await put(`/v1/imports/${id}/chunks/${chunk}`, part);
      if (answer.ok) return undefined;
      const problem = cake.explain(answer);
      const worth = again.has(answer.status) || /^chunk-(damaged|interrupted)$/.test(problem.code ?? '');
      if (!worth || problem.code === 'illegal-now' || tries === GIVE_UP) return problem;
      await new Promise((done) => setTimeout(done, pause));
    }
  }

  async function put(path, part) {
    try {
      const bytes = await part.arrayBuffer();
      const sum = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
      const headers = {
        'Content-Type': 'application/octet-stream',
        'Content-Digest': `sha-256=:${btoa(String.fromCharCode(...sum))}:`,
        'X-Cake-CSRF': document.querySelector('meta[name="csrf"]').content,
        'Accept-Language': document.documentElement.lang,
      };
      const response = await fetch(path, { method: 'PUT', headers, body: bytes, credentials: 'same-origin' });
      const json = response.ok ? null : await response.json().catch(() => null);
      return { ok: response.ok, status: response.status, json };
    } catch {
      return { ok: false, status: 0, json: null };
    }
  }

  function tell() {
    state.hidden = sending === 0;
  }

  addEventListener('beforeunload', (event) => {
    if (sending > 0) event.preventDefault();
  });
})();
