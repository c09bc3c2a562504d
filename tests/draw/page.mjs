// page.mjs PACKAGES APP.js DATA.json OUT.html [light|dark] : a page that draws one answer file; prints how high it is
import fs from 'node:fs';
const [packages, app, data, out, theme = 'dark'] = process.argv.slice(2);
const json = JSON.stringify({ ...JSON.parse(fs.readFileSync(data, 'utf8')), theme }).replace(/</g, '\\u003c');
// The canvas and the text of Grafana's two themes.
const [canvas, text] = { dark: ['#111217', '#ccccdc'], light: ['#f4f5f5', '#24292e'] }[theme];
const style = `html,body{margin:0;background:${canvas};color:${text};font-family:Inter,Helvetica,Arial,sans-serif}`;
fs.writeFileSync(out, `<!doctype html><meta charset=utf-8><link rel=stylesheet href="file://${app.replace(/js$/, 'css')}"><style>${style}</style><div id=root></div>
<script>window.__grafana_public_path__='file://${packages}/node_modules/@grafana/ui/dist/public/';window.__DATA__=${json};</script><script src="file://${app}"></script>`);
console.log(Math.max(...JSON.parse(fs.readFileSync(data)).dash.panels.map((panel) => panel.gridPos.y + panel.gridPos.h)) * 38 + 110);
