'use strict';
// Sorting, filtering, opening and copying. Without this script the page is whole, in the order in
// which it was written; rows open by themselves.
const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
const element = (name, text, properties) =>
  Object.assign(document.createElement(name), {textContent: text}, properties);

// Tables: a button in each head. A row is a body of its own where details belong to it.
const valueOf = (row, column) => {
  const cell = row.cells[column];
  const text = cell.dataset.v ?? cell.textContent.trim();
  if (text === '') return null;
  const number = parseFloat(text.replaceAll(',', ''));
  return /^[\d,.]+(\/(tcp|udp)[a-z]*)?$/.test(text) ? number : text.toLowerCase();
};
const compare = (a, b) => typeof a === typeof b
  ? (typeof a === 'number' ? a - b : a.localeCompare(b, 'en', {numeric: true}))
  : typeof a === 'number' ? -1 : 1;
const partsOf = table => table.tBodies.length > 1 ? [...table.tBodies] : [...table.tBodies[0].rows];
const sort = (table, column, descends, places) => {
  const parts = partsOf(table).sort((a, b) => places.get(a) - places.get(b));
  const rows = parts.map(part => ({part, value: valueOf(part.rows?.[0] ?? part, column)}));
  rows.sort((a, b) => a.value === null || b.value === null
    ? (a.value === null) - (b.value === null)
    : compare(a.value, b.value) * (descends ? -1 : 1));
  rows[0]?.part.parentNode.append(...rows.map(row => row.part));
};
for (const table of all('table.s')) {
  const heads = all('th', table);
  const places = new Map(partsOf(table).map((part, place) => [part, place]));
  heads.forEach((head, column) => {
    const isNumber = head.classList.contains('r');
    const button = element('button', head.textContent, {type: 'button'});
    head.replaceChildren(button);
    button.addEventListener('click', () => {
      const now = head.getAttribute('aria-sort');
      const descends = now ? now === 'ascending' : isNumber;
      heads.forEach(other => other.removeAttribute('aria-sort'));
      head.setAttribute('aria-sort', descends ? 'descending' : 'ascending');
      sort(table, column, descends, places);
    });
  });
}

// Rows of ports that open. What is open is said to readers of screens, too.
const ports = all('#pt > tbody');
const doors = all('#pt details');
const say = door => door.firstChild.setAttribute('aria-expanded', door.open);
for (const door of doors) {
  const body = door.closest('tbody');
  const details = body.rows[1];
  details.id = `${body.id}d`;
  door.firstChild.setAttribute('aria-controls', details.id);
  say(door);
  door.addEventListener('toggle', () => say(door));
  body.rows[0].addEventListener('click', event => {
    const isText = String(getSelection()) !== '';
    if (!isText && !event.target.closest('summary,a,button')) door.open = !door.open;
  });
}
const opener = document.getElementById('all');
opener?.addEventListener('click', () => {
  const open = doors.some(door => !door.open && !door.closest('tbody').hidden);
  for (const door of doors) if (!door.closest('tbody').hidden) door.open = open;
  opener.textContent = open ? 'Close all' : 'Open all';
});

// The filter looks at all that a row and its details say; every word has to be there.
const query = document.getElementById('q');
const texts = new Map();
const filter = () => {
  const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const body of ports) {
    if (!texts.has(body)) texts.set(body, body.textContent.toLowerCase());
    body.hidden = !words.every(word => texts.get(body).includes(word));
    shown += !body.hidden;
  }
  document.getElementById('n').textContent =
    words.length ? `${shown} of ${ports.length} ports` : '';
};
if (query) {
  query.closest('.tools').hidden = false;
  query.addEventListener('input', filter);
}

// A link to a port shows and opens its row.
const follow = () => {
  const body = location.hash && document.getElementById(location.hash.slice(1));
  const door = body && body.matches('#pt > tbody') && body.querySelector('details');
  if (!door) return;
  if (body.hidden) { query.value = ''; filter(); }
  door.open = true;
  body.scrollIntoView();
  door.firstChild.focus({preventScroll: true});
};
addEventListener('hashchange', follow);
follow();

// Filters to copy.
const copy = async code => {
  if (navigator.clipboard) {
    try { return await navigator.clipboard.writeText(code.textContent); } catch { /* The other way. */ }
  }
  getSelection().selectAllChildren(code);
  document.execCommand('copy');
};
for (const code of all('code.c')) {
  const button = element('button', 'Copy', {type: 'button', className: 'cp'});
  button.setAttribute('aria-label', `Copy ${code.textContent}`);
  code.after(button);
  button.addEventListener('click', async () => {
    await copy(code);
    button.textContent = 'Copied';
    setTimeout(() => { button.textContent = 'Copy'; }, 1500);
  });
}
