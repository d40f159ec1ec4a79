/**
 * Consumers of one stream, page by page: there can be a thousand.
 * @module
 */
import { invalid } from "./errors.ts";
import { limitOf, type Params, streamOf } from "./input.ts";
import type { AdminStream } from "./letters.ts";
import { consumerOverview } from "./overview.ts";
import type { ConsumerOverview, Page } from "./shapes.ts";

/** Parameters of {@link listConsumers}. */
export const CONSUMER_PARAMS = ["stream", "cursor", "limit"] as const;

/** A page, and how many there are. */
export interface ConsumerPage extends Page<ConsumerOverview> {
  readonly stream: string;
  readonly total: number;
}

/** Those that hold most first. Without `stream` those of the first one. @throws {AdminError} `invalid` */
export async function listConsumers(streams: readonly AdminStream[], params: Params): Promise<ConsumerPage> {
  const name = streamOf(params, streams.map(({ admin }) => admin.stream));
  const { admin } = streams.find(({ admin }) => admin.stream === name) ?? streams[0]!;
  const limit = limitOf(params);
  const from = placeOf(params);
  const { consumers, total } = await admin.consumers(from, limit);
  const next = from + consumers.length < total && consumers.length > 0 ? String(from + consumers.length) : null;
  return { stream: admin.stream, items: consumers.map(consumerOverview), next, total };
}

function placeOf({ cursor }: Params): number {
  if (!cursor) return 0;
  if (!/^\d{1,6}$/.test(cursor)) throw invalid("cursor", "the `next` of an earlier answer");
  return Number(cursor);
}
