// The page of `--html` in a browser: what its script does, what it shows without, and that nothing from the wire is more
// than text.
//
//     node check-page.mjs PLAYWRIGHT CHROMIUM FOLDER
//
// FOLDER has the pages analyst.html (or another with findings), many.html (1,000 ports), hostile.html (of the hostile capture)
// and plain.html (of the same conversations with harmless texts); screenshots are put there. Prints a line for each check;
// exit status 1 if one fails.

import {existsSync, readFileSync, statSync} from 'node:fs';
import {createRequire} from 'node:module';
import {join, resolve} from 'node:path';
import {pathToFileURL} from 'node:url';

const [playwright, chromium, folder] = process.argv.slice(2);
const {chromium: browsers} = createRequire(resolve(playwright, 'x.js'))('playwright-core');
const file = name => pathToFileURL(resolve(folder, `${name}.html`)).href;
let failed = 0;
const check = (name, isTrue, seen = '') => {
  failed += !isTrue;
  console.log(`${isTrue ? 'ok  ' : 'FAIL'} ${name}${isTrue || seen === '' ? '' : `: ${JSON.stringify(seen)}`}`);
};

const browser = await browsers.launch({executablePath: chromium, args: ['--no-sandbox']});
// Whatever a page says on the console or asks for beside itself.
const noises = [];
const open = async (name, options = {}) => {
  const context = await browser.newContext({viewport: {width: 1280, height: 900}, ...options});
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const page = await context.newPage();
  page.on('console', message => noises.push(`${name}: ${message.text()}`));
  page.on('pageerror', error => noises.push(`${name}: ${error.message}`));
  page.on('dialog', dialog => { noises.push(`${name}: ${dialog.message()}`); dialog.dismiss(); });
  page.on('request', request => {
    if (request.url().split('#')[0] !== file(name)) noises.push(`${name}: ${request.url()}`);
  });
  await page.goto(file(name));
  return page;
};
const column = (page, number) => page.$$eval('#pt > tbody', (bodies, number) =>
  bodies.filter(body => !body.hidden).map(body => body.rows[0].cells[number].textContent.trim()), number);
const ports = page => column(page, 0).then(texts => texts.map(text => parseInt(text, 10)));
const isOpen = (page, port) => page.$eval(`#${port} > .d`, row => getComputedStyle(row).display !== 'none');

{ // Sorting, with the mouse.
  const page = await open('analyst');
  const written = await ports(page);
  const head = text => page.locator('#pt').getByRole('columnheader', {name: text, exact: true});
  check('the table begins sorted by bytes', await head('Bytes').getAttribute('aria-sort') === 'descending');
  await head('Port').getByRole('button').click();
  const ascending = [...written].sort((a, b) => a - b);
  check('sort by port', `${await ports(page)}` === `${ascending}`, await ports(page));
  check('aria-sort moves', await head('Port').getAttribute('aria-sort') === 'ascending'
    && await head('Bytes').getAttribute('aria-sort') === null);
  await head('Port').getByRole('button').click();
  check('sort the other way', `${await ports(page)}` === `${ascending.reverse()}`, await ports(page));
  await head('Bytes').getByRole('button').click();
  check('sort by bytes gives the order in which it was written', `${await ports(page)}` === `${written}`, await ports(page));
  await head('Speaking').getByRole('button').click();
  const speaking = await column(page, 3);
  check('sort by text', `${speaking}` === `${[...speaking].sort((a, b) => a.toLowerCase().localeCompare(b.toLowerCase(), 'en', {numeric: true}))}`, speaking);
  // Filtering.
  await page.fill('#q', 'ALERT ssh');
  const left = await ports(page);
  check('filter by every word', left.length > 0 && left.length < written.length, left);
  check('the filter says how many are left', (await page.textContent('#n')).startsWith(`${left.length} of ${written.length} `));
  await page.fill('#q', 'no such text');
  check('filter to nothing', (await ports(page)).length === 0);
  await page.fill('#q', '');
  check('filter to all again', (await ports(page)).length === written.length);
  // Opening.
  const first = await page.$eval('#pt > tbody', body => body.id);
  const summary = page.locator(`#${first} summary`);
  check('rows are closed', !await isOpen(page, first) && await summary.getAttribute('aria-expanded') === 'false');
  await summary.click();
  check('a click opens a row', await isOpen(page, first) && await summary.getAttribute('aria-expanded') === 'true');
  await page.locator(`#${first} td`).nth(3).click();
  check('a click beside it closes it', !await isOpen(page, first) && await summary.getAttribute('aria-expanded') === 'false');
  await page.click('#all');
  check('all open', (await Promise.all((await page.$$eval('#pt > tbody', bodies => bodies.map(body => body.id)))
    .map(id => isOpen(page, id)))).every(Boolean));
  check('every chart has a text', await page.$$eval('svg:not([aria-hidden])', charts => charts.length > 0
    && charts.every(chart => chart.getAttribute('role') === 'img' && chart.getAttribute('aria-label').length > 10)));
  check('charts have bars', await page.$$eval('svg path', paths => paths.every(path => path.getBBox().width > 0)));
  check('open rows have examples with reasons', await page.$$eval('.e', examples => examples.length > 0
    && examples.every(example => example.querySelector('li'))));
  // Copying.
  const code = page.locator('#findings code').first();
  const text = await code.textContent();
  await page.locator('#findings .cp').first().click();
  check('copy', await page.evaluate(() => navigator.clipboard.readText()) === text, text);
  // A finding leads to its port.
  await page.click('#all');
  await page.fill('#q', 'no such text');
  const link = page.locator('#findings li a').first();
  const target = (await link.getAttribute('href')).slice(1);
  await link.click();
  check('a finding opens its port and shows it again', await isOpen(page, target) && await page.locator(`#${target}`).isVisible());
  await page.context().close();
}

{ // The same by keyboard alone.
  const page = await open('analyst');
  const focused = () => page.evaluate(() => `${document.activeElement.tagName} ${document.activeElement.textContent}`);
  const tabTo = async wanted => {
    for (let presses = 0; presses < 400; presses += 1) {
      await page.keyboard.press('Tab');
      if (wanted.test(await focused())) return true;
    }
    return false;
  };
  check('keyboard: reach a copy button', await tabTo(/^BUTTON Copy/));
  await page.keyboard.press('Enter');
  check('keyboard: copy', /^frame\.number/.test(await page.evaluate(() => navigator.clipboard.readText())));
  check('keyboard: reach the filter', await tabTo(/^INPUT/));
  await page.keyboard.type('alert');
  const left = (await ports(page)).length;
  check('keyboard: filter', left > 0 && left < await page.$$eval('#pt > tbody', bodies => bodies.length), left);
  check('keyboard: reach a head', await tabTo(/^BUTTON Port/));
  await page.keyboard.press('Enter');
  check('keyboard: sort', await page.$eval('#pt th', head => head.getAttribute('aria-sort')) === 'ascending');
  check('keyboard: reach a row', await tabTo(/^SUMMARY/));
  check('keyboard: the focus is seen', await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle !== 'none'));
  await page.keyboard.press('Space');
  const port = await page.evaluate(() => document.activeElement.closest('tbody').id);
  check('keyboard: open', await isOpen(page, port));
  await page.keyboard.press('Enter');
  check('keyboard: close', !await isOpen(page, port));
  await page.context().close();
}

{ // Without its script.
  const page = await open('analyst', {javaScriptEnabled: false});
  check('without script: no tool that does nothing', await page.locator('.tools').isHidden() && await page.locator('th button').count() === 0);
  const first = await page.locator('#pt > tbody').first().getAttribute('id');
  check('without script: rows are closed', await page.locator(`#${first} > .d`).isHidden());
  await page.locator(`#${first} summary`).click();
  check('without script: a row opens', await page.locator(`#${first} > .d`).isVisible());
  const target = (await page.locator('#findings li a').last().getAttribute('href')).slice(1);
  await page.locator('#findings li a').last().click();
  check('without script: a finding opens its port', await page.locator(`#${target} > .d`).isVisible());
  await page.context().close();
}

{ // Nothing from the wire is more than text.
  const shape = async name => {
    const page = await open(name);
    await page.click('#all');
    const seen = await page.evaluate(() => {
      const texts = [];
      const names = new Set();
      for (const node of document.querySelectorAll('*')) {
        names.add(node.localName);
        for (const {name, value} of node.attributes) { names.add(`@${name}`); texts.push(value); }
      }
      return {
        names: [...names].sort(), links: [...document.querySelectorAll('a')].map(link => link.getAttribute('href')),
        scripts: document.scripts.length, styles: document.styleSheets.length, title: document.title,
        text: document.documentElement.textContent + texts.join(''), comments: [...document.childNodes].length,
        width: document.documentElement.scrollWidth,
      };
    });
    await page.screenshot({path: join(folder, `${name}.png`), fullPage: true});
    await page.context().close();
    return seen;
  };
  const [plain, hostile] = [await shape('plain'), await shape('hostile')];
  const isNew = hostile.names.filter(name => !plain.names.includes(name));
  check('hostile: no element or attribute that harmless texts do not give', isNew.length === 0, isNew);
  check('hostile: one script, one style', hostile.scripts === 1 && hostile.styles === 1, [hostile.scripts, hostile.styles]);
  check('hostile: links lead into the page', hostile.links.every(link => /^#p\d+(tcp|udp)$/.test(link)), hostile.links);
  check('hostile: the title is that of the page', hostile.title.endsWith(' - portlore'), hostile.title);
  const hidden = hostile.text.match(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}]/gu)?.filter(c => c !== '\n') ?? [];
  check('hostile: no hidden character', hidden.length === 0, hidden.map(c => c.codePointAt(0).toString(16)));
  for (const text of ["</script><script>document.title='owned'</script>", '<img src=x', "onmouseover='", '\\u{202e}', '\\x1b', '[x](javascript:', '\ufffd']) {
    check(`hostile: the page shows ${text}`, hostile.text.includes(text));
  }
  check('hostile: the page is not wider than the window', hostile.width <= 1280, hostile.width);
}

{ // 1,000 ports.
  const page = await open('many');
  const bytes = statSync(join(folder, 'many.html')).size;
  check('1,000 ports: less than 1 MB', bytes < 1_000_000, bytes);
  check('1,000 ports: a row for each', (await ports(page)).length === 1000);
  check('1,000 ports: details for each', await page.locator('#pt .d').count() === 1000, await page.locator('#pt .d').count());
  const began = Date.now();
  await page.fill('#q', '2000/tcp');
  await page.locator('#pt th button').first().click();
  check('1,000 ports: filter and sort within two seconds', Date.now() - began < 2000, Date.now() - began);
  check('1,000 ports: the filter finds one', (await ports(page)).includes(2000));
  await page.context().close();
}

// Pictures to look at.
for (const [name, options, media] of [
  ['light', {colorScheme: 'light'}], ['dark', {colorScheme: 'dark'}],
  ['narrow', {colorScheme: 'light', viewport: {width: 390, height: 844}}],
  ['narrow-dark', {colorScheme: 'dark', viewport: {width: 390, height: 844}}],
  ['print', {viewport: {width: 794, height: 1123}}, 'print'],
]) {
  const page = await open('analyst', options);
  await page.locator('#findings li a').first().click();
  if (media) await page.emulateMedia({media});
  const [wide, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  check(`${name}: nothing is wider than the window`, wide <= window, [wide, window]);
  await page.screenshot({path: join(folder, `${name}.png`), fullPage: true});
  if (media) await page.pdf({path: join(folder, 'print.pdf'), format: 'A4'});
  await page.context().close();
}
for (const name of ['light', 'dark', 'narrow', 'print']) check(`${name}.png`, existsSync(join(folder, `${name}.png`)));
check('no address of another host in the pages', ['analyst', 'many'].every(name =>
  !/(src|href|url\()\s*=?\s*["']?(https?:)?\/\//i.test(readFileSync(join(folder, `${name}.html`), 'utf8'))));
check('no console message, no request', noises.length === 0, noises);
await browser.close();
console.log(failed ? `${failed} checks failed` : 'all checks passed');
process.exit(failed ? 1 : 0);
