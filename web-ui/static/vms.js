// The list of VMs: choice of columns, selection, and one action for many with a summary before and a result for each after.
'use strict';

(() => {
  const rows = document.getElementById('vm-rows');
  if (!rows) return;
  const table = rows.closest('table');

  // — Columns —
  const columns = document.querySelector('[data-columns]');
  const key = `cake-columns-${columns.dataset.columns}`;
  const off = new Set((localStorage.getItem(key) ?? '').split(' ').filter(Boolean));
  const showColumns = () => {
    for (const box of columns.querySelectorAll('input')) {
      box.checked = !off.has(box.value);
      table.classList.toggle(`no-${box.value}`, off.has(box.value));
    }
  };
  columns.addEventListener('change', ({ target }) => {
    if (target.checked) off.delete(target.value);
    else off.add(target.value);
    localStorage.setItem(key, [...off].join(' '));
    showColumns();
  });
  showColumns();

  // — Choosing —
  const bulk = document.getElementById('bulk');
  if (!bulk) return;
  const chosen = new Set();
  const all = document.querySelector('[data-select-all]');
  const everything = bulk.querySelector('[data-bulk-everything]');
  /** The search whose VMs are all meant, those on other pages too. */
  let query = null;
  let last;
  /** What a row stands for: said once, in its `id`, for a hundred rows are sent at once. */
  const idOf = (row) => row.id.slice('vm-'.length);
  const shown = () => [...rows.querySelectorAll('tr[data-name]')];
  const whole = () => document.getElementById('vm-everything')?.dataset ?? {};

  const show = () => {
    const ids = new Set(shown().map((row) => idOf(row)));
    for (const id of chosen) if (!ids.has(id)) chosen.delete(id);
    if (chosen.size < ids.size) query = null;
    for (const row of shown()) {
      const is = chosen.has(idOf(row));
      row.classList.toggle('selected', is);
      row.querySelector('[data-select]').checked = is;
    }
    all.checked = chosen.size > 0 && chosen.size === ids.size;
    all.indeterminate = chosen.size > 0 && chosen.size < ids.size;
    bulk.hidden = chosen.size === 0;
    const { query: text, count } = whole();
    const place = document.getElementById('bulk-count');
    place.textContent = place.dataset.text.replace('%n', query === null ? chosen.size : count);
    everything.hidden = query !== null || text === undefined || !all.checked || Number(count) <= chosen.size;
    everything.textContent = everything.dataset.text.replace('%n', count);
  };

  rows.addEventListener('click', (event) => {
    const box = event.target.closest('[data-select]');
    if (!box) return;
    const list = shown();
    const row = box.closest('tr');
    const [from, to] = [list.indexOf(last ?? row), list.indexOf(row)].sort((a, b) => a - b);
    const range = event.shiftKey && from >= 0 ? list.slice(from, to + 1) : [row];
    for (const one of range) {
      if (box.checked) chosen.add(idOf(one));
      else chosen.delete(idOf(one));
    }
    last = row;
    show();
  });
  all.addEventListener('change', () => {
    chosen.clear();
    if (all.checked) shown().forEach((row) => chosen.add(idOf(row)));
    show();
  });
  everything.addEventListener('click', () => {
    query = whole().query;
    show();
  });
  const clear = () => {
    chosen.clear();
    query = null;
    show();
  };
  bulk.querySelector('[data-bulk-clear]').addEventListener('click', clear);
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches('input:not([type="checkbox"]), textarea, select') || event.target.closest('dialog')) return;
    const row = document.activeElement.closest?.('tr[data-name]');
    // With the shift key everything from the last one on.
    if (event.key === 'x' || event.key === 'X') {
      row?.querySelector('[data-select]').dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true, shiftKey: event.shiftKey }));
    } else if (event.key === 'b' && !bulk.hidden) {
      event.preventDefault();
      bulk.querySelector('[data-bulk]').focus();
    }
  });
  rows.addEventListener('cake:changed', show);

  // — Doing —
  const dialog = document.getElementById('bulk-dialog');
  const part = (name) => dialog.querySelector(`[data-part="${name}"]`);
  const say = (name, count) => dialog.dataset[name].replace('%n', count);
  const [yes, typed, tags] = [part('yes'), part('typed'), part('tags')];
  let now;

  for (const button of bulk.querySelectorAll('[data-bulk]')) button.addEventListener('click', () => ask(button));

  /** Reads what would happen to which, and says it before anything does. */
  async function ask(button) {
    const verb = button.dataset.bulk;
    const which = query === null ? `vms=${[...chosen].join(',')}` : `q=${encodeURIComponent(query)}`;
    cake.busy(button, true);
    const answer = await cake.api('GET', `/v1/bulk?action=${verb}&${which}`);
    cake.busy(button, false);
    if (!answer.ok) return void cake.notice(cake.explain(answer), document.getElementById('main'));
    const { will, refused } = answer.json;
    now = { verb, will };
    const word = (name) => button.dataset[name].replace('%n', will.length);
    part('title').textContent = will.length === 0 ? say('none') : word(will.length === 1 ? 'one' : 'many');
    part('text').textContent = will.length === 0 ? '' : button.dataset.text;
    part('will').replaceChildren(...will.map((vm) => line(vm)));
    part('not').hidden = refused.length === 0;
    part('not-list').replaceChildren(...refused.map(({ vm, messages }) => line(vm, messages[document.documentElement.lang]?.detail)));
    const destroys = verb === 'stop';
    part('type').hidden = !destroys || will.length === 0;
    part('expected').textContent = will.length;
    part('tag').hidden = verb !== 'tag' || will.length === 0;
    [typed.value, tags.value] = ['', ''];
    yes.textContent = word(will.length === 1 ? 'one' : 'many');
    yes.hidden = will.length === 0;
    yes.className = destroys ? 'button danger' : 'button primary';
    part('back').textContent = say('back');
    check();
    dialog.showModal();
  }

  function line(vm, why) {
    const item = document.createElement('li');
    item.dataset.vm = vm.id;
    const name = document.createElement('b');
    name.textContent = vm.name;
    name.translate = false;
    item.append(name);
    if (why) item.append(note(why));
    return item;
  }

  function note(text, tone = '') {
    const place = document.createElement('span');
    place.className = `note ${tone}`;
    place.textContent = text;
    return place;
  }

  const words = () => tags.value.split(/[\s,]+/).filter(Boolean);
  function check() {
    const counts = part('type').hidden || typed.value.trim() === String(now.will.length);
    yes.disabled = !counts || (now.verb === 'tag' && words().length === 0);
  }
  typed.addEventListener('input', check);
  tags.addEventListener('input', check);

  /** One request for each VM, a few at a time; each says how it went. */
  yes.addEventListener('click', async (event) => {
    event.preventDefault();
    cake.busy(yes, true);
    const [left, counts] = [[...now.will], { done: 0, failed: 0 }];
    const work = async () => {
      for (let vm = left.shift(); vm; vm = left.shift()) {
        const answer = await send(vm);
        counts[answer.ok ? 'done' : 'failed'] += 1;
        const item = part('will').querySelector(`[data-vm="${vm.id}"]`);
        const said = answer.ok ? say('accepted', 1) : [cake.explain(answer).title, cake.explain(answer).text].filter(Boolean).join(cake.say('Gap'));
        item.querySelector('.note')?.remove();
        item.append(note(said, answer.ok ? 'good' : 'bad'));
        item.dataset.result = answer.ok ? 'done' : 'failed';
      }
    };
    await Promise.all([work(), work(), work(), work()]);
    cake.busy(yes, false);
    finish(counts);
  });

  function send(vm) {
    const place = `/v1/vms/${vm.id}`;
    if (now.verb !== 'tag') return cake.api('POST', `${place}/${now.verb}`);
    // A word with a minus in front takes that tag off.
    const off = words().filter((word) => word.startsWith('-')).map((word) => word.slice(1));
    const on = words().filter((word) => !word.startsWith('-'));
    const wanted = [...new Set([...vm.tags.filter((tag) => !off.includes(tag)), ...on])];
    return cake.api('PATCH', place, { etag: vm.etag, body: { tags: wanted } });
  }

  function finish({ done, failed }) {
    const said = [say('done', done), failed > 0 && say('failed', failed)].filter(Boolean).join(cake.say('Comma'));
    part('title').textContent = said;
    part('text').textContent = '';
    for (const name of ['type', 'tag', 'not']) part(name).hidden = true;
    yes.hidden = true;
    part('back').textContent = say('close');
    part('back').focus();
    cake.announce(said);
    clear();
  }
  show();
})();
