// shot.mjs NAME WIDTH HEIGHT URL : NAME-light.png and NAME-dark.png of a page, as a reader sees it who prefers the one or the other
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { packed } from './pack.mjs';

const [name, width, height, url] = process.argv.slice(2);
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'shot-'));
const browser = spawn('chromium', ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--hide-scrollbars', '--remote-debugging-pipe',
  `--user-data-dir=${folder}`, 'about:blank'], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
const late = setTimeout(() => { browser.kill(); console.error(`${url}: no picture within two minutes`); process.exit(1); }, 120_000);

let next = 0, rest = '', session;
const waiting = new Map();
browser.stdio[4].on('data', (bytes) => {
  const parts = (rest + bytes).split('\0');
  rest = parts.pop();
  for (const { id, result, error } of parts.map((part) => JSON.parse(part))) {
    if (error) throw new Error(error.message);
    waiting.get(id)?.(result);
  }
});
const call = (method, params = {}) => new Promise((done) => {
  waiting.set(++next, done);
  browser.stdio[3].write(JSON.stringify({ id: next, method, params, sessionId: session }) + '\0');
});
const holds = async (expression) => (await call('Runtime.evaluate', { expression, returnByValue: true })).result?.value === true;

const { targetId } = await call('Target.createTarget', { url: 'about:blank' });
({ sessionId: session } = await call('Target.attachToTarget', { targetId, flatten: true }));
await call('Emulation.setDeviceMetricsOverride', { width: +width, height: +height, deviceScaleFactor: 1, mobile: false });
for (const theme of ['light', 'dark']) {
  await call('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: theme }] });
  await call('Page.navigate', { url });
  while (!await holds(`location.href === ${JSON.stringify(url)} && document.readyState === 'complete'`)) await new Promise((go) => setTimeout(go, 50));
  const { data } = await call('Page.captureScreenshot', { format: 'png' });
  fs.writeFileSync(`${name}-${theme}.png`, packed(Buffer.from(data, 'base64')));
  console.log(`${name}-${theme}.png`);
}
clearTimeout(late);
browser.on('exit', () => fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
call('Browser.close');
