/**
 * Hash slots of Redis Cluster: CRC16 (XMODEM) of the key, or of its hash tag, modulo 16384.
 *
 * Source: the Redis Cluster specification, "Key distribution model".
 * @module
 */

/** Number of slots. */
export const SLOTS = 16_384;

/**
 * Slot of a key.
 * @param key Only what stands between the first `{` and the next `}` counts, where that is not empty.
 * @returns 0 to 16383.
 */
export function slotOf(key: string): number {
  return crc16(new TextEncoder().encode(hashTag(key))) % SLOTS;
}

function hashTag(key: string): string {
  const open = key.indexOf("{");
  if (open === -1) return key;
  const close = key.indexOf("}", open + 1);
  return close > open + 1 ? key.slice(open + 1, close) : key;
}

function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) {
      crc = (crc & 0x8000) !== 0 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
    }
  }
  return crc;
}
