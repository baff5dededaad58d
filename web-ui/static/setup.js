// The wizard. Its answers stay in this page until the last step sends them all at once.
// A step may have more to do than its fields say: `wizard.enter[STEP]()` when it is shown, `wizard.leave[STEP]()`, which resolves to whether
// it may be left forward. `wizard.send(answers)` does what the last button says.
'use strict';

const wizard = (() => {
  const hooks = { enter: {}, leave: {}, send };
  const form = document.getElementById('setup');
  const at = (id) => document.getElementById(id);
  const steps = [...form.querySelectorAll('[data-step]')].map((section) => section.dataset.step);
  const section = (step) => form.querySelector(`[data-step="${step}"]`);
  const [back, next] = [form.querySelector('[data-back]'), form.querySelector('[data-next]')];
  let now = 'language';
  let answers;

  // The token comes behind the # of the address, which no server and no log ever sees; else it is asked for.
  const fromAddress = new URLSearchParams(location.hash.slice(1)).get('token') ?? location.hash.slice(1);
  const token = at('token');
  token.value = decodeURIComponent(fromAddress);
  at('token-field').hidden = token.value !== '';

  // Another language is another page; the token goes along.
  for (const radio of form.querySelectorAll('[name="/language"]')) {
    radio.addEventListener('change', () => location.assign(radio.dataset.address + location.hash));
  }

  const zone = at('zone');
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if ([...zone.options].some((option) => option.value === own)) zone.value = own;
  const clock = () => {
    at('zone-now').textContent = new Intl.DateTimeFormat(document.documentElement.lang, {
      timeZone: zone.value,
      dateStyle: 'long',
      timeStyle: 'short',
    }).format(new Date());
  };
  zone.addEventListener('change', clock);
  clock();

  const ownPool = () => form.querySelector('[name="pool"]:checked')?.value === 'own';
  // A server that is being installed has disks in its place.
  if (at('pool-path')) {
    form.addEventListener('change', () => {
      at('pool-path-field').hidden = !ownPool();
      at('pool-path').required = ownPool();
      at('pool-path').disabled = !ownPool();
    });
    at('pool-path').disabled = true;
  }

  function show(step) {
    now = step;
    for (const other of steps) section(other).hidden = other !== step;
    const place = steps.indexOf(step);
    document.querySelectorAll('[data-step-mark]').forEach((mark, number) => {
      mark.classList.toggle('done', number < place);
      if (number === place) mark.setAttribute('aria-current', 'step');
      else mark.removeAttribute('aria-current');
    });
    const after = 'after' in section(step).dataset;
    back.hidden = place === 0 || after;
    next.hidden = after;
    next.textContent = step === 'review' ? next.dataset.wordSend : next.dataset.wordNext;
    at('setup-problem').hidden = true;
    if (at('restore-box')) at('restore-box').hidden = step !== 'language';
    if (step === 'review') review();
    hooks.enter[step]?.();
    const first = section(step).querySelector('input:not([type="radio"]):not([hidden]), select');
    const heading = section(step).querySelector('h1');
    heading.tabIndex = -1;
    (step === 'language' || !first || first.closest('[hidden]') ? heading : first).focus({ preventScroll: true });
    scrollTo(0, 0);
  }

  /** Whether this step's answers are there; says at the first that is not what is missing. */
  function complete() {
    for (const field of section(now).querySelectorAll('input, select')) {
      if (field.disabled || field.closest('[hidden]') !== null) continue;
      const other = field.dataset.same && at(field.dataset.same);
      if (other && other.value !== field.value) return mistaken(field, field.dataset.sayDiffers);
      if (field.required && field.value.trim() === '') return mistaken(field, cake.say('Required'));
      if (field.minLength > 0 && [...field.value].length < field.minLength) {
        return mistaken(field, document.getElementById(field.getAttribute('aria-describedby')?.split(' ')[0])?.textContent ?? cake.say('Required'));
      }
    }
    return true;
  }

  function mistaken(field, text) {
    cake.mistake(field, text);
    field.focus();
    return false;
  }

  function review() {
    answers = cake.collect(form);
    for (const place of form.querySelectorAll('[data-review]')) {
      const value = place.dataset.review.slice(1).split('/').reduce((from, part) => from?.[part], answers);
      const radio = [...form.querySelectorAll(`[name="${place.dataset.review}"]:checked`)].find((field) => field.type === 'radio');
      place.dataset.default ??= place.textContent;
      place.textContent = radio?.parentElement.querySelector('b')?.textContent ?? value ?? place.dataset.default;
    }
  }

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if ('after' in section(now).dataset || next.disabled || !complete()) return;
    const step = now;
    if (hooks.leave[step]) {
      cake.busy(next, true);
      const may = await hooks.leave[step]();
      cake.busy(next, false);
      if (!may || now !== step) return;
    }
    if (now === 'review') hooks.send(answers);
    else show(steps[steps.indexOf(now) + 1]);
  });
  back.addEventListener('click', () => show(steps[steps.indexOf(now) - 1]));

  async function send() {
    cake.busy(next, true);
    const answer = await cake.api('POST', '/v1/setup', { body: answers, headers: hooks.headers() });
    if (!answer.ok) {
      cake.busy(next, false);
      return refused(cake.explain(answer));
    }
    const { name, password } = answers.administrator;
    at('recovery-key').textContent = answer.json?.recovery_key ?? '';
    // The one who set it up is logged in, so that the first VM is one step away.
    await cake.api('POST', '/v1/session', { body: { name, password } });
    cake.busy(next, false);
    form.reset();
    show('done');
    addEventListener('beforeunload', keep);
  }

  /** Leads back to the step with the answer that was refused. */
  function refused(problem) {
    if (problem.code === 'wrong-token') {
      at('token-field').hidden = false;
      show('language');
      return mistaken(token, problem.text || problem.title);
    }
    const field = problem.pointer && [...form.elements].find((element) => element.name === problem.pointer);
    const step = field?.closest('[data-step]')?.dataset.step;
    if (!step) {
      const box = at('setup-problem');
      box.replaceChildren();
      cake.notice(problem, box);
      box.hidden = false;
      return;
    }
    show(step);
    mistaken(field, problem.text || problem.title);
  }

  // The recovery key is shown once: leaving is asked about until it is kept.
  const keep = (event) => {
    if (!at('recovery-kept').checked) event.preventDefault();
  };
  for (const go of form.querySelectorAll('[data-after-key]')) {
    go.addEventListener('click', (event) => {
      if (!at('recovery-kept').checked) {
        event.preventDefault();
        at('recovery-kept').focus();
      }
    });
    at('recovery-kept').addEventListener('change', ({ target }) => {
      if (target.checked) go.removeAttribute('aria-disabled');
      else go.setAttribute('aria-disabled', 'true');
    });
  }

  return Object.assign(hooks, { form, token, next, show, refused, headers: () => ({ 'X-Cake-Setup-Token': token.value.trim() }) });
})();
