// Sends a backup to a cake that is not set up yet, has it restored, and waits until that has begun anew.
'use strict';

(() => {
  const PAUSE = 500;
  const TRIES = 240;
  const form = document.getElementById('restore');
  const at = (id) => document.getElementById(id);
  const [file, key] = [at('restore-file'), at('restore-key')];
  const { token } = wizard;
  const say = (text) => (at('restore-state').textContent = text);

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const chosen = file.files[0];
    if (!chosen) return cake.mistake(file, form.dataset.sayFile);
    if (!key.value.trim()) return cake.mistake(key, form.dataset.sayKey);
    const button = form.querySelector('[type="submit"]');
    cake.busy(button, true);
    say(form.dataset.saySending);
    const headers = wizard.headers();
    let answer = await put('/v1/setup/backup', chosen, headers);
    if (answer.ok) {
      say(form.dataset.sayOpening);
      answer = await cake.api('POST', '/v1/setup/restore', { body: { recovery_key: key.value }, headers });
    }
    if (answer.ok) return begunAnew();
    cake.busy(button, false);
    say('');
    refused(cake.explain(answer));
  });

  function refused(problem) {
    const field = { 'wrong-recovery-key': key, 'wrong-token': token }[problem.code];
    if (!field) return cake.notice(problem, form);
    if (field === token) at('token-field').hidden = false;
    cake.mistake(field, problem.text || problem.title, problem.code);
    field.focus();
  }

  async function put(path, body, headers) {
    try {
      const all = { ...headers, 'Content-Type': 'application/octet-stream', 'Accept-Language': document.documentElement.lang };
      const response = await fetch(path, { method: 'PUT', headers: all, body, credentials: 'same-origin' });
      return { ok: response.ok, status: response.status, json: await response.json().catch(() => null) };
    } catch {
      return { ok: false, status: 0, json: null };
    }
  }

  /** The one who is away for a moment comes back set up. */
  async function begunAnew() {
    say(form.dataset.sayAnew);
    for (let tries = 0; tries < TRIES; tries += 1) {
      const seen = await cake.api('GET', '/v1/setup');
      if (seen.ok && seen.json?.done) return location.assign('/login');
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
    say(form.dataset.saySlow);
  }
})();
