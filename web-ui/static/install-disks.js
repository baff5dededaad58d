// The disks of the installing wizard: what each is and holds, what it is used for, and what will happen. Nothing is touched here.
'use strict';

const installDisks = (() => {
  const PAUSE = 200;
  const at = (id) => document.getElementById(id);
  const [list, plan, state, layout] = ['disk-list', 'plan', 'disks-state', 'pool-layout'].map(at);
  const words = at('install-words').content;
  const reading = state.textContent;
  let disks = [];
  let judged = null;
  let asked = 0;

  /** A word of the page, with the places in braces filled in. */
  function word(id, facts = {}) {
    const text = words.querySelector(`[data-word="${id}"]`)?.textContent ?? '';
    return text.replace(/\{(\w+)\}/g, (whole, name) => facts[name] ?? whole);
  }

  function size(bytes) {
    const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
    const step = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), units.length - 1);
    const value = bytes / 1024 ** step;
    return `${value.toFixed(value < 10 && step > 0 ? 1 : 0)} ${units[step]}`;
  }

  const part = (card, name) => card.querySelector(`[data-part="${name}"]`);
  const comma = (texts) => texts.join(cake.say('Comma'));
  const element = (name, text) => Object.assign(document.createElement(name), { textContent: text });

  /** Looks at the disks, and proposes. */
  async function load() {
    at('disks-problem').replaceChildren();
    state.textContent = reading;
    state.hidden = false;
    list.replaceChildren();
    judged = null;
    const answer = await cake.api('GET', '/v1/setup/disks', { headers: wizard.headers() });
    state.hidden = true;
    if (!answer.ok) return void cake.notice(cake.explain(answer), at('disks-problem'));
    disks = answer.json.items;
    const { proposal } = answer.json;
    layout.value = proposal.pool_layout;
    list.append(...disks.map((disk) => card(disk, proposal)));
    if (!disks.some((disk) => disk.fits_system)) {
      state.textContent = word('disks-none');
      state.hidden = false;
    }
    update();
  }

  function card(disk, proposal) {
    const made = at('disk-card').content.firstElementChild.cloneNode(true);
    made.dataset.disk = disk.id;
    part(made, 'model').textContent = disk.model ?? disk.name;
    part(made, 'serial').textContent = disk.serial ?? `${disk.name} (${word('serial-none')})`;
    part(made, 'size').textContent = `${size(disk.size)} · ${word(`bus-${disk.bus}`)}`;
    part(made, 'health').textContent = word(`verdict-${disk.health.verdict}`);
    part(made, 'content').textContent = disk.content.text;
    const [use, erase] = [part(made, 'use'), part(made, 'erase')];
    use.id = `use-${disk.name}`;
    erase.id = `erase-${disk.name}`;
    use.previousElementSibling.htmlFor = use.id;
    erase.previousElementSibling.htmlFor = erase.id;
    if (disk.unfit) {
      part(made, 'use-field').hidden = true;
      part(made, 'unfit').hidden = false;
      part(made, 'unfit').textContent = [disk.unfit_text, ...disk.used_as].join(' ');
      use.value = 'none';
    } else {
      if (!disk.fits_system) use.querySelector('[value="system"]').remove();
      use.value = proposal.disks.includes(disk.id) ? 'system' : proposal.pool_disks.includes(disk.id) ? 'pool' : 'none';
    }
    part(made, 'lost').textContent = word('erase-lost', { content: disk.content.text });
    part(made, 'type').textContent = word('erase-type', { serial: disk.id });
    return made;
  }

  const cards = () => [...list.children];
  const used = (made) => part(made, 'use').value;
  const diskOf = (made) => disks.find((disk) => disk.id === made.dataset.disk);
  const of = (use) => cards().filter((made) => used(made) === use).map((made) => made.dataset.disk);

  function choice() {
    const erase = cards().filter((made) => used(made) !== 'none' && !diskOf(made).content.free && part(made, 'erase').value.trim() === made.dataset.disk);
    return { disks: of('system'), pool_disks: of('pool'), pool_layout: layout.value, erase: erase.map((made) => made.dataset.disk) };
  }

  function update() {
    for (const made of cards()) {
      made.dataset.use = used(made);
      part(made, 'erase-field').hidden = used(made) === 'none' || diskOf(made).content.free;
    }
    at('layout-field').hidden = of('pool').length < 2;
    judged = judge(++asked);
  }

  /** Resolves to the plan, or to null where there is none. */
  async function judge(number) {
    const install = choice();
    if (install.disks.length === 0) {
      plan.replaceChildren(element('p', word('plan-waits')));
      return null;
    }
    plan.replaceChildren(element('p', word('plan-judging')));
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
    if (number !== asked) return judged;
    const answer = await cake.api('POST', '/v1/setup/plan', { body: { install }, headers: wizard.headers() });
    if (number !== asked) return judged;
    if (!answer.ok) {
      plan.replaceChildren();
      cake.notice(cake.explain(answer), plan);
      return null;
    }
    if (answer.json.plan) draw(answer.json.plan);
    else plan.replaceChildren(...answer.json.refusals.map(refusal));
    return answer.json.plan;
  }

  function refusal({ id, text, places, size: its, least }) {
    const sizes = least ? [`${size(its)} < ${size(least)}`] : [];
    const line = element('p', '');
    const name = element('b', id);
    name.translate = false;
    line.append(name, ` ${text}`, ...[...places, ...sizes].map((more) => ` · ${more}`));
    return line;
  }

  const named = (id) => {
    const disk = disks.find((one) => one.id === id);
    return disk?.model ? `${disk.model} (${id})` : id;
  };

  /** In plain words, with a bar for each disk. */
  function draw({ disks: planned, pools, tpm, warnings }) {
    const [first, second] = planned.filter((disk) => disk.system).map((disk) => named(disk.id));
    const lines = [second ? word('plan-two', { first, second }) : word('plan-one', { disk: first })];
    for (const pool of pools) {
      const kind = pool.level === null ? 'alone' : pool.level === 0 ? 'striped' : 'mirrored';
      const where = word('plan-pool', { size: size(pool.size), disks: comma(pool.disks.map(named)) });
      lines.push(`${where} · ${word(`plan-pool-${kind}`)}`);
    }
    lines.push(word(tpm ? 'plan-tpm' : 'plan-no-tpm'));
    const text = document.createElement('ul');
    text.append(...lines.map((line) => element('li', line)));
    const bars = document.createElement('ul');
    bars.className = 'plan-disks';
    bars.append(...planned.map(bar));
    const told = warnings.map(({ text: warning }) => {
      const box = element('p', warning);
      box.className = 'notice warn';
      return box;
    });
    plan.replaceChildren(bars, text, ...told);
  }

  function bar(disk) {
    const NS = 'http://www.w3.org/2000/svg';
    const svg = document.createElementNS(NS, 'svg');
    const own = disk.boot + disk.state;
    const width = own === 0 ? 0 : Math.max(6, (own / disk.size) * 100);
    svg.setAttribute('viewBox', '0 0 100 4');
    svg.setAttribute('preserveAspectRatio', 'none');
    svg.setAttribute('aria-hidden', 'true');
    for (const [name, x, wide] of [['system', 0, width], ['pool', width, 100 - width]]) {
      const rect = document.createElementNS(NS, 'rect');
      Object.entries({ class: name, x, width: wide, height: 4, 'vector-effect': 'non-scaling-stroke' }).forEach(([key, value]) => rect.setAttribute(key, value));
      svg.append(rect);
    }
    const parts = own === 0 ? [] : [`${word('part-system')} ${size(own)}`];
    const made = element('li', '');
    const label = element('span', `${named(disk.id)} · ${[...parts, `${word('part-pool')} ${size(disk.pool)}`].join(' · ')}`);
    label.className = 'note';
    made.append(label, svg);
    return made;
  }

  list.addEventListener('input', update);
  layout.addEventListener('input', update);
  at('disks-again').addEventListener('click', load);
  wizard.enter.disks = () => {
    if (disks.length === 0) load();
  };
  wizard.leave.disks = async () => {
    if (await judged) return true;
    const missing = cards().find((made) => !part(made, 'erase-field').hidden && part(made, 'erase').value.trim() !== made.dataset.disk);
    (missing ? part(missing, 'erase') : at('disks-again')).focus();
    if (missing) cake.mistake(part(missing, 'erase'), word('erase-type', { serial: missing.dataset.disk }));
    return false;
  };

  return { choice, named, comma, word, load };
})();
