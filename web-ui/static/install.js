// Installing from the wizard: begins it, shows how far it is, and what is left at its end. The server does the work; this page may be
// closed and opened again.
'use strict';

(() => {
  const LOOK = 1000;
  const at = (id) => document.getElementById(id);
  const { word } = installDisks;
  let answers = null;
  let following = false;
  const running = at('install-head').textContent;

  const ask = (method, more = '') => cake.api(method, `/v1/setup/installation${more}`, { headers: wizard.headers() });

  // The token is tried at once, so that who mistyped it does not answer everything first; and an installation is shown, whoever began it.
  wizard.leave.language = async () => {
    cake.announce(word('token-check'));
    const answer = await ask('GET');
    if (!answer.ok) {
      wizard.refused(cake.explain(answer));
      return false;
    }
    return !shown(answer.json);
  };
  if (wizard.token.value) wizard.leave.language();

  /** Shows an installation that is under way or done. */
  function shown(now) {
    if (!['running', 'done'].includes(now?.phase)) return false;
    follow(now);
    return true;
  }

  wizard.enter.review = () => {
    const { disks, pool_disks, erase } = installDisks.choice();
    const put = (id, all) => (at(id).textContent = all.length ? installDisks.comma(all.map(installDisks.named)) : '–');
    put('review-system', disks);
    put('review-pools', pool_disks);
    put('review-erased', erase);
  };

  wizard.send = async (given) => {
    answers = given;
    cake.busy(wizard.next, true);
    const body = { ...given, install: installDisks.choice() };
    const answer = await cake.api('POST', '/v1/setup/installation', { body, headers: wizard.headers() });
    cake.busy(wizard.next, false);
    const problem = answer.ok ? null : cake.explain(answer);
    // Somebody was faster, or the answer was lost on the way: what is under way is what is shown.
    if (answer.ok || ['install-running', 'install-done', 'key-in-use'].includes(problem.code)) return follow(null);
    if (problem.code === 'install-refused' || problem.pointer?.startsWith('/install/')) {
      wizard.show('disks');
      installDisks.load();
      return cake.notice(problem, at('disks-problem'));
    }
    wizard.refused(problem);
  };

  async function follow(now) {
    if (following) return;
    following = true;
    wizard.show('installing');
    at('install-problem').replaceChildren();
    at('install-said').hidden = true;
    at('install-retry').hidden = true;
    at('install-under-way').hidden = false;
    at('install-head').textContent = running;
    at('install-lead').hidden = false;
    at('install-cancel').disabled = false;
    for (;;) {
      const answer = now ? { ok: true, json: now } : await ask('GET');
      now = null;
      at('install-lost').hidden = answer.ok;
      if (answer.ok) {
        show(answer.json);
        if (answer.json.phase !== 'running') break;
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK));
    }
    following = false;
  }

  function show(now) {
    if (now.phase === 'done') return done(now);
    if (now.phase === 'running') return progress(now);
    ended(now);
  }

  function progress({ number, of, step_text: step, fraction, seconds, cancellable }) {
    at('install-step').textContent = step || word('begins');
    at('install-progress').value = fraction;
    at('install-number').textContent = number ? `${word('progress', { number, of })} · ` : '';
    const two = (count) => String(count).padStart(2, '0');
    at('install-elapsed').textContent = word('elapsed', { time: `${Math.floor(seconds / 60)}:${two(seconds % 60)}` });
    at('install-cancel').hidden = !cancellable;
  }

  /** Not installed: why, and the way back. */
  function ended({ phase, step_text: step, detail, recovery_key: key }) {
    at('install-under-way').hidden = true;
    at('install-retry').hidden = false;
    at('install-lead').hidden = true;
    const cancelled = phase === 'cancelled';
    const text = cancelled ? word('cancelled') : word('failed', { step: step || '–' });
    const title = word(cancelled ? 'cancelled-title' : 'failed-title');
    at('install-head').textContent = title;
    cake.notice({ title, text }, at('install-problem'), cancelled ? 'warn' : 'bad');
    if (cancelled) return;
    at('install-said').hidden = !detail;
    at('install-detail').textContent = detail ?? '';
    if (key) at('install-problem').append(keptKey(key));
  }

  function keptKey(key) {
    const box = document.createElement('div');
    box.className = 'recovery';
    const code = Object.assign(document.createElement('code'), { className: 'secret', textContent: key, translate: false });
    box.append(Object.assign(document.createElement('p'), { textContent: word('failed-late') }), code);
    return box;
  }

  function done({ recovery_key: key, started_at: date }) {
    at('install-key').textContent = key;
    at('sheet-key').textContent = key;
    at('sheet-name').textContent = answers?.name ?? '';
    at('sheet-administrator').textContent = answers?.administrator.name ?? '';
    at('sheet-address').textContent = location.origin;
    at('sheet-disks').textContent = installDisks.comma(installDisks.choice().disks);
    at('sheet-date').textContent = new Date(date).toLocaleDateString(document.documentElement.lang, { dateStyle: 'long' });
    // What nobody said on this page is not printed empty.
    for (const fact of document.querySelectorAll('.sheet dd')) fact.parentElement.hidden = fact.textContent === '';
    // Passwords go; the token is needed until the restart.
    for (const field of wizard.form.querySelectorAll('[type="password"]')) field.value = '';
    wizard.show('installed');
    addEventListener('beforeunload', keep);
  }

  // The key is shown until the restart: leaving is asked about until it is kept.
  const keep = (event) => {
    if (!at('install-kept').checked) event.preventDefault();
  };
  at('install-kept').addEventListener('change', ({ target }) => (at('install-restart').disabled = !target.checked));

  at('install-cancel').addEventListener('click', async () => {
    at('install-cancel').disabled = true;
    const answer = await ask('POST', '/cancel');
    if (answer.ok) at('install-step').textContent = word('cancelling');
    else cake.notice(cake.explain(answer), at('install-problem'));
  });
  at('install-to-disks').addEventListener('click', () => {
    wizard.show('disks');
    installDisks.load();
  });
  at('install-again').addEventListener('click', () => (answers ? wizard.send(answers) : wizard.show('language')));

  at('install-restart').addEventListener('click', async () => {
    cake.busy(at('install-restart'), true);
    const answer = await ask('POST', '/restart');
    cake.busy(at('install-restart'), false);
    if (!answer.ok && answer.status !== 0) return void cake.notice(cake.explain(answer), document.querySelector('[data-step="installed"]'));
    removeEventListener('beforeunload', keep);
    wizard.show('restarting');
    wait();
  });

  /** Leads on by itself where the browser believes the new certificate; else the person follows the link. */
  async function wait() {
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, 2 * LOOK));
      const seen = await cake.api('GET', '/v1/setup');
      if (seen.ok && seen.json?.done && !seen.json.installer) {
        at('console-state').textContent = word('console-there');
        return location.assign('/login');
      }
    }
  }
})();
