import assert from "node:assert/strict";
import { FakeClock } from "../../testing/fake_clock.ts";
import { Happenings } from "../happenings.ts";
import type { News, Peer, StreamStore, Trimmed } from "../store/port.ts";
import { BeatNews } from "./beat_news.ts";
import type { StreamConsumer } from "./consumer.ts";
import type { Judgement } from "./judgement.ts";
import type { Loop } from "./loop.ts";
import type { Membership } from "./membership.ts";
import { reaperLoop } from "./reaper.ts";
import { IDLE } from "./test_harness.ts";
import { trimmerLoop } from "./trimmer.ts";

const LEASE_MS = 10_000;
const MOST = 10;
const DAY_MS = 86_400_000;
const ALIVE: Peer = { consumer: "b", pending: 0, state: "alive", leaseLeftMs: LEASE_MS, idleMs: 0 };

/** Both loops over a store that counts what it is asked. */
class World implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly beatNews = new BeatNews(this.clock);
  readonly counts = { trim: 0, audit: 0, peers: 0 };
  trimmed: Trimmed = { removed: 0, lettersRemoved: 0, heldBackBy: null, quietMs: DAY_MS };
  peers: readonly Peer[] = [];
  readonly #loops: readonly Loop[];

  constructor() {
    const count = <T>(
      what: keyof World["counts"],
      answer: T,
    ): Promise<T> => (this.counts[what]++, Promise.resolve(answer));
    const store = {
      stream: "s",
      trim: () => count("trim", this.trimmed),
      audit: () => count("audit", { repaired: 0, lost: 0 }),
      peers: () => count("peers", this.peers),
    } as unknown as StreamStore;
    const { clock, beatNews } = this;
    const happenings = new Happenings((error) => assert.fail(String(error)));
    const shared = { store, clock, beatNews, happenings, random: () => 0.5 };
    const reaper = {
      ...shared,
      membership: { joined: true, name: "a", isFormer: () => false } as unknown as Membership,
      consumer: { room: 100, appetite: 100 } as unknown as StreamConsumer,
      judgement: { waitMs: () => 0 } as unknown as Judgement,
      leaseMs: LEASE_MS,
    };
    this.#loops = [trimmerLoop({ ...shared, maxLength: MOST, maxAgeMs: DAY_MS }), reaperLoop(reaper)];
  }

  /** Time passes, with a beat a second that tells this. */
  async beats(count: number, news: News | null): Promise<void> {
    for (let beat = 0; beat < count; beat++) {
      this.beatNews.saw(news);
      await this.clock.advance(1_000);
    }
  }

  /** Starts, and forgets what that took. */
  async start(): Promise<void> {
    this.beatNews.saw(IDLE);
    for (const loop of this.#loops) loop.start();
    await this.clock.advance(0);
    this.forget();
  }

  forget(): void {
    Object.assign(this.counts, { trim: 0, audit: 0, peers: 0 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const loop of this.#loops) await loop.stop();
  }
}

async function world(test: (world: World) => Promise<void>, given: Partial<World> = {}): Promise<void> {
  await using one = Object.assign(new World(), given);
  await one.start();
  await test(one);
}

Deno.test("while beats tell of nothing, a lone consumer trims and looks for others once a minute", async () => {
  await world(async (one) => {
    await one.beats(240, IDLE);
    const { trim, peers, audit } = one.counts;
    assert.ok(trim >= 3 && trim <= 5, `${trim} trims in 4 minutes`);
    assert.ok(peers >= 3 && peers <= 5, `${peers} looks in 4 minutes`);
    assert.ok(audit >= 3, `${audit} audits in 4 minutes`);
  });
});

Deno.test("where beats tell nothing, every 10 s is trimmed and every lease is looked for others", async () => {
  await world(async (one) => {
    await one.beats(100, null);
    assert.ok(one.counts.trim >= 10, `${one.counts.trim} trims in 100 s`);
    assert.ok(one.counts.peers >= 10, `${one.counts.peers} looks in 100 s`);
  });
});

Deno.test("what beats tell to be more than retention allows is trimmed at once, and again every 10 s", async () => {
  const { kept, ...rest } = IDLE;
  const more: readonly News[] = [
    { ...rest, kept: { ...kept!, length: MOST + 1 } },
    { ...rest, kept: { ...kept!, letters: MOST + 1 } },
  ];
  for (const news of more) {
    await world(async (one) => {
      await one.beats(20, IDLE);
      assert.equal(one.counts.trim, 0);
      await one.beats(1, news);
      assert.equal(one.counts.trim, 1);
      await one.beats(50, news);
      assert.ok(one.counts.trim >= 6 && one.counts.trim <= 7, `${one.counts.trim} trims in 51 s`);
    });
  }
});

Deno.test("the stream of a group that was made anew is trimmed anew", async () => {
  await world(async (one) => {
    await one.beats(20, IDLE);
    await one.beats(1, { ...IDLE, kept: { ...IDLE.kept!, made: "2" } });
    assert.equal(one.counts.trim, 1);
  });
});

Deno.test("what becomes too old is trimmed within two beats", async () => {
  const trimmed = { removed: 0, lettersRemoved: 0, heldBackBy: null, quietMs: 25_500 };
  await world(async (one) => {
    await one.beats(25, IDLE);
    assert.equal(one.counts.trim, 0);
    await one.beats(2, IDLE);
    assert.equal(one.counts.trim, 1);
  }, { trimmed });
});

Deno.test("what is held back is asked for at every turn", async () => {
  const heldBackBy = { group: "other", entryId: "1-0" };
  await world(async (one) => {
    await one.beats(60, IDLE);
    assert.ok(one.counts.trim >= 6, `${one.counts.trim} trims in a minute`);
  }, { trimmed: { removed: 0, lettersRemoved: 0, heldBackBy, quietMs: 0 } });
});

Deno.test("a beat that sees somebody else makes the reaper look, and look again when that lease can run out", async () => {
  await world(async (one) => {
    await one.beats(20, IDLE);
    assert.equal(one.counts.peers, 0);
    one.peers = [ALIVE];
    await one.beats(1, { ...IDLE, alone: false });
    assert.equal(one.counts.peers, 1);
    await one.beats(20, { ...IDLE, alone: false });
    assert.equal(one.counts.peers, 3);
  });
});

Deno.test("where somebody else is found whom no beat tells of, the reaper looks again when that lease can run out", async () => {
  await world(async (one) => {
    await one.beats(100, IDLE);
    assert.ok(one.counts.peers >= 9, `${one.counts.peers} looks in 100 s`);
  }, { peers: [ALIVE] });
});
