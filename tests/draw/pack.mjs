// pack.mjs IN.png OUT.png : the same picture, packed as well as zlib can; what a browser writes is packed in a hurry
import fs from 'node:fs';
import zlib from 'node:zlib';

export function packed(png) {
  const chunks = [], data = [];
  for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at)) {
    const chunk = png.subarray(at, at + 12 + png.readUInt32BE(at));
    (chunk.toString('latin1', 4, 8) === 'IDAT' ? data : chunks).push(chunk);
  }
  const body = zlib.deflateSync(zlib.inflateSync(Buffer.concat(data.map((chunk) => chunk.subarray(8, -4)))), { level: 9, memLevel: 9 });
  const chunk = Buffer.alloc(12 + body.length);
  chunk.writeUInt32BE(body.length, 0);
  chunk.write('IDAT', 4, 'latin1');
  body.copy(chunk, 8);
  chunk.writeUInt32BE(zlib.crc32(chunk.subarray(4, -4)), 8 + body.length);
  return Buffer.concat([png.subarray(0, 8), ...chunks.slice(0, -1), chunk, chunks.at(-1)]);
}

if (process.argv[1].endsWith('pack.mjs')) fs.writeFileSync(process.argv[3], packed(fs.readFileSync(process.argv[2])));
