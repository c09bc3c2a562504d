// build.mjs PACKAGES OUT.js : one bundle of src/ and of Grafana's components
import { createRequire } from 'node:module';
import path from 'node:path';
const [packages, outfile] = process.argv.slice(2);
const here = path.dirname(new URL(import.meta.url).pathname);
const esbuild = createRequire(path.join(packages, 'package.json'))('esbuild');
await esbuild.build({
  entryPoints: [path.join(here, 'src/main.tsx')], bundle: true, outfile, format: 'iife', jsx: 'automatic', minify: true, target: 'es2022', logLevel: 'error',
  nodePaths: [path.join(packages, 'node_modules')], define: { 'process.env.NODE_ENV': '"production"', global: 'window' },
  loader: { '.woff2': 'dataurl', '.woff': 'empty', '.svg': 'text', '.ttf': 'empty' }, mainFields: ['browser', 'module', 'main'], conditions: ['import', 'module'],
});
