/**
 * Hosts, ports and `host:port`, read by hand: `URL` would rewrite them, and its errors repeat what they were given.
 * @module
 */
import type { Address } from "./types.ts";

const NAME = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?$/;

/**
 * Reads a host name, an IPv4 address, or an IPv6 address with or without brackets.
 * @returns The host without brackets, at most 253 characters; null when it is none of them.
 */
export function parseHost(text: string): string | null {
  const inner = text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1) : text;
  if (inner.includes(":")) return isIpv6(inner) ? inner : null;
  if (inner !== text || inner.length > 253 || inner.includes("..") || !NAME.test(inner)) return null;
  return !/^[\d.]+$/.test(inner) || isIpv4(inner) ? inner : null;
}

/** Reads a port. @returns 1 to 65535, or null. */
export function parsePort(text: string): number | null {
  if (!/^[1-9]\d{0,4}$/.test(text)) return null;
  const port = Number(text);
  return port <= 65_535 ? port : null;
}

/** Reads `host:port`, where an IPv6 host needs brackets. @returns Null when it is not that. */
export function parseAddress(text: string): Address | null {
  const parts = /^(\[[^\]]*\]|[^:]*):([^:]*)$/.exec(text);
  const host = parseHost(parts?.[1] ?? "");
  const port = parsePort(parts?.[2] ?? "");
  return host === null || port === null ? null : { host, port };
}

/** Writes `host:port`, an IPv6 host in brackets. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function isIpv4(text: string): boolean {
  const octets = text.split(".");
  return octets.length === 4 && octets.every((octet) => /^\d{1,3}$/.test(octet) && Number(octet) <= 255);
}

function isIpv6(text: string): boolean {
  return /^[0-9A-Fa-f:.]+$/.test(text) && URL.canParse(`http://[${text}]/`);
}
