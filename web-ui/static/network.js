// A server's own network: what only a static address needs, and the seconds that a trial has left.
'use strict';

const form = document.querySelector('[data-network-form]');

/** What DHCP gives is neither shown nor sent. */
function fit() {
  const fixed = form.querySelector('[name="/method"]:checked').value === 'static';
  for (const part of form.querySelectorAll('[data-static]')) {
    part.hidden = !fixed;
    for (const field of part.querySelectorAll('input')) field.disabled = !fixed;
  }
}

if (form) {
  form.addEventListener('change', fit);
  fit();
}

/** Counts by itself: once the server has another address this page hears nothing more of it. */
const ends = new WeakMap();
function count() {
  for (const place of document.querySelectorAll('[data-countdown]')) {
    const left = Number(place.dataset.countdown);
    const known = ends.get(place);
    if (known?.left !== left) ends.set(place, { left, at: performance.now() + left * 1000 });
    const seconds = Math.max(0, Math.round((ends.get(place).at - performance.now()) / 1000));
    const text = seconds ? place.dataset.word.replace('#', seconds) : place.dataset.over;
    if (place.textContent !== text) place.textContent = text;
  }
  // The console answers at the same port there.
  for (const link of document.querySelectorAll('a[data-place]:not([href])')) {
    link.href = `https://${link.dataset.place}${location.port && `:${location.port}`}${location.pathname}`;
  }
}
count();
setInterval(count, 500);
