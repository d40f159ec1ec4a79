/** Makes pictures of pages small: 256 colours are plenty for text and lines. */
import { deflateSync, inflateSync } from "node:zlib";

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];

/** The same picture with at most 256 colours, as a PNG of a third of the size. @param png RGB or RGBA, 8 bits, as browsers make them. */
export function smallPng(png: Uint8Array): Uint8Array {
  const { width, height, channels, pixels } = decode(png);
  const { palette, indexOf } = paletteOf(pixels, channels);
  const rows = new Uint8Array((width + 1) * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      rows[y * (width + 1) + 1 + x] = indexOf(colorAt(pixels, (y * width + x) * channels));
    }
  }
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint8(8, 8);
  header.setUint8(9, 3);
  const colors = Uint8Array.from(palette.flatMap((color) => [color >> 16, (color >> 8) & 255, color & 255]));
  const parts = [
    Uint8Array.from(SIGNATURE),
    chunk("IHDR", new Uint8Array(header.buffer)),
    chunk("PLTE", colors),
    chunk("IDAT", deflateSync(rows, { level: 9, memLevel: 9 })),
    chunk("IEND", new Uint8Array()),
  ];
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

function colorAt(pixels: Uint8Array, at: number): number {
  return (pixels[at]! << 16) | (pixels[at + 1]! << 8) | pixels[at + 2]!;
}

/** The commonest colours, and of the rest those that differ most from them; others become the nearest of these. */
function paletteOf(pixels: Uint8Array, channels: number): { palette: number[]; indexOf: (color: number) => number } {
  const counts = new Map<number, number>();
  for (let at = 0; at < pixels.length; at += channels) {
    const color = colorAt(pixels, at);
    counts.set(color, (counts.get(color) ?? 0) + 1);
  }
  const sorted = [...counts].sort((a, b) => b[1] - a[1]);
  const palette = sorted.slice(0, 128).map(([color]) => color);
  const rest = sorted.slice(128).map(([color, count]) => ({
    color,
    count,
    away: distance(color, nearest(palette, color)),
  }));
  // Lines of a chart have few points, and must keep their colour.
  const weight = ({ count, away }: { count: number; away: number }): number => away * Math.sqrt(count);
  while (palette.length < 256 && rest.some(({ away }) => away > 0)) {
    const { color } = rest.reduce((best, one) => weight(one) > weight(best) ? one : best);
    palette.push(color);
    for (const one of rest) one.away = Math.min(one.away, distance(one.color, color));
  }
  const known = new Map(palette.map((color, index) => [color, index]));
  const indexOf = (color: number): number => {
    const index = known.get(color) ?? known.get(nearest(palette, color))!;
    known.set(color, index);
    return index;
  };
  return { palette, indexOf };
}

function nearest(palette: readonly number[], color: number): number {
  return palette.reduce((best, one) => distance(color, one) < distance(color, best) ? one : best);
}

function distance(color: number, other: number): number {
  const part = (shift: number): number => (((color >> shift) & 255) - ((other >> shift) & 255)) ** 2;
  return part(16) + part(8) + part(0);
}

function decode(png: Uint8Array): { width: number; height: number; channels: number; pixels: Uint8Array } {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  const [width, height, channels] = [view.getUint32(16), view.getUint32(20), view.getUint8(25) === 6 ? 4 : 3];
  const data: Uint8Array[] = [];
  for (let at = 8; at < png.length;) {
    const size = view.getUint32(at);
    const kind = String.fromCharCode(...png.subarray(at + 4, at + 8));
    if (kind === "IDAT") data.push(png.subarray(at + 8, at + 8 + size));
    at += size + 12;
  }
  const raw = inflateSync(new Uint8Array(data.flatMap((part) => [...part])));
  return { width, height, channels, pixels: unfilter(raw, width * channels, height, channels) };
}

/** Each row says how its bytes differ from those around them. */
function unfilter(raw: Uint8Array, stride: number, height: number, channels: number): Uint8Array {
  const out = new Uint8Array(stride * height);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (stride + 1)]!;
    for (let x = 0; x < stride; x++) {
      const at = y * stride + x;
      const left = x >= channels ? out[at - channels]! : 0;
      const up = y > 0 ? out[at - stride]! : 0;
      const corner = x >= channels && y > 0 ? out[at - stride - channels]! : 0;
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter]!;
      out[at] = raw[y * (stride + 1) + 1 + x]! + guess;
    }
  }
  return out;
}

function paeth(left: number, up: number, corner: number): number {
  const guess = left + up - corner;
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
  return a <= b && a <= c ? left : b <= c ? up : corner;
}

function chunk(kind: string, data: Uint8Array): Uint8Array {
  const body = new Uint8Array(data.length + 12);
  const view = new DataView(body.buffer);
  view.setUint32(0, data.length);
  body.set(new TextEncoder().encode(kind), 4);
  body.set(data, 8);
  view.setUint32(data.length + 8, crc(body.subarray(4, data.length + 8)));
  return body;
}

function crc(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  }
  return (value ^ 0xffffffff) >>> 0;
}
