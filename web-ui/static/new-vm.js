// The form for a new VM: what one answer means for the others. Nothing that was typed is ever replaced.
'use strict';

(() => {
  const form = document.getElementById('new-vm');
  const at = (id) => document.getElementById(id);
  const typed = new Set();
  form.addEventListener('input', ({ target }) => target.id && typed.add(target.id));

  const propose = (id, value) => {
    const field = at(id);
    if (!typed.has(id)) field.value = value;
  };
  const image = () => form.querySelector('[name="/image"]:checked');
  const size = () => form.querySelector('[name="size"]:checked');

  /** 1,536 MiB as `1.5 GiB`; in a smaller unit where a larger one would not say all of it. */
  const sizeText = (bytes) => {
    const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
    let step = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), units.length - 1);
    while (step > 0 && !Number.isInteger((bytes * 10) / 1024 ** step)) step -= 1;
    return `${bytes / 1024 ** step} ${units[step]}`;
  };

  const hostName = (name) =>
    name
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, '') || 'vm';

  /** An image that came with a machine has a size of its own. Whoever chose another keeps it. */
  const offerOwn = (what) => {
    const own = at('size-own');
    const here = what.cpus !== undefined;
    at('size-own-choice').hidden = !here;
    own.disabled = !here || what.refused !== undefined;
    if (here) Object.assign(own.dataset, { cpus: what.cpus, memory: what.ownMemory, disk: what.disk });
    at('size-own-note').textContent = here ? what.machine : '';
    at('size-own-refused').textContent = what.refused ?? '';
    if (!own.disabled && !typed.has('size')) own.checked = true;
    else if (own.disabled && own.checked) (form.querySelector('[name="size"]:not(:disabled)') ?? own).checked = true;
    at('more-disks').textContent = what.more ?? '';
    at('more-disks').hidden = what.more === undefined;
  };

  const [firstNetwork, noNetwork] = [':checked', '[value="none"]'].map((which) => form.querySelector(`[name="/network"]${which}`));
  const answer = () => {
    const what = image()?.dataset;
    if (what) offerOwn(what);
    const big = size()?.dataset;
    if (!what || !big) return;
    // A machine that had no network card gets none unless somebody asks.
    if (!typed.has('network')) (what.nics === '0' ? noNetwork : firstNetwork).checked = true;
    propose('cpus', big.cpus);
    propose('memory', sizeText(Math.max(Number(big.memory), Number(what.memory))));
    const hasDisk = Number(what.disk) > 0;
    at('disk-field').hidden = !hasDisk;
    at('disk').disabled = !hasDisk;
    propose('disk', sizeText(Math.max(Number(big.disk), Number(what.disk))));
    propose('name', what.suggestion);
    propose('hostname', hostName(at('name').value));
    // Only what the image boots with can be chosen.
    const fits = what.firmware.split(' ');
    for (const option of at('firmware').options) option.hidden = option.disabled = option.value !== '' && !fits.includes(option.value);
    if (at('firmware').selectedOptions[0]?.disabled) at('firmware').value = '';
  };

  form.addEventListener('change', ({ target }) => {
    // Another size is another proposal for all of its numbers.
    if (target.name === 'size') ['cpus', 'memory', 'disk'].forEach((id) => typed.delete(id));
    if (target.name === 'size' || target.name === '/network') typed.add(target.name.replace('/', ''));
    answer();
  });
  at('name').addEventListener('input', () => propose('hostname', hostName(at('name').value)));

  const wanted = new URLSearchParams(location.search).get('image');
  const choice = [...form.querySelectorAll('[name="/image"]')].find((radio) => radio.value === wanted && !radio.disabled);
  if (choice) choice.checked = true;
  answer();
})();
