// A text field that can be filled from a file: <input type="file" data-into="ID">.
'use strict';

document.addEventListener('change', async (event) => {
  const into = event.target.dataset?.into;
  const file = event.target.files?.[0];
  if (!into || !file) return;
  const field = document.getElementById(into);
  // A certificate is a few kilobytes: anything else is not read at all.
  field.value = file.size > 256 * 1024 ? '' : await file.text();
  field.dispatchEvent(new Event('input', { bubbles: true }));
});
