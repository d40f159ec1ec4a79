/**
 * One simulated life of a service of two or three replicas: events are published while everything goes wrong that the
 * seed says; then all is well, and everything must come to its end.
 * @module
 */
import { defineSchedule } from "../../src/handling/define.ts";
import { MemoryBroker } from "../../src/store/memory/broker.ts";
import { MemoryStreamStore } from "../../src/store/memory/memory_store.ts";
import { Dice } from "./dice.ts";
import { Faults, weatherOf } from "./faults.ts";
import { Ledger } from "./ledger.ts";
import { type Planned, populate, TICK } from "./plans.ts";
import { GROUP, maxHeldOf, Replica, type Settings, STREAM } from "./replica.ts";
import { eventIdOf, judge } from "./verdict.ts";
import { VirtualClock } from "./virtual_clock.ts";
import { CALM, LATEST_MS, type Weather } from "./wire.ts";

/** What came of one seed. */
export interface Outcome {
  readonly seed: number;
  /** Broken promises; empty when all is well. */
  readonly problems: readonly string[];
  readonly trace: readonly string[];
  /** Events published and faults made. */
  readonly steps: number;
}

const FAULT_PHASE_MS = 10_000;
/** Everything must be quiet this long after the last fault. */
const QUIET_WITHIN_MS = 90_000;
const LOOK_EVERY_MS = 250;
const TICK_MS = 3_000;
/** More broken promises than these are not looked for. */
const MOST_PROBLEMS = 10;

/** Lives one life. The same seed gives the same trace. */
export async function simulate(seed: number): Promise<Outcome> {
  // Thousands of errors are made that nobody looks at: their stacks would take a tenth of the time.
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return await new Simulation(seed).live();
  } finally {
    Error.stackTraceLimit = limit;
  }
}

/** See the module's text. */
export class Simulation {
  readonly seed: number;
  readonly clock: VirtualClock;
  readonly dice: Dice;
  readonly broker: MemoryBroker;
  readonly ledger: Ledger;
  readonly settings: Settings;
  readonly trace: string[] = [];
  readonly slots: (Replica | null)[];
  steps = 0;
  #weather: Weather;
  #healed = false;
  #starts = 0;
  #disturbed = false;
  #unpublished = 0;
  readonly #planned = new Map<string, Planned>();
  readonly #published = new Map<string, Planned>();
  readonly #counts = new Map<string, number>();
  readonly #kills = new Map<string, number>();
  readonly #eventIds = new Map<string, string>();

  /** @param seed Decides everything. */
  constructor(seed: number) {
    this.seed = seed;
    this.dice = new Dice(seed, "world");
    this.clock = new VirtualClock(() => this.#checkTurn());
    this.broker = new MemoryBroker(this.clock);
    this.settings = settingsOf(this.dice);
    this.ledger = new Ledger({
      planned: this.#planned,
      eventOf: (ref) => this.#eventOf(ref),
      heldBy: (consumer) => this.broker.held(STREAM, GROUP, consumer),
      failuresOf: (id) => this.#counts.get(`failed ${id}`) ?? 0,
      maxDeliveries: this.settings.maxDeliveries,
      dedup: this.settings.dedupWindowMs > 0,
      trace: (line) => this.say(line),
    });
    this.#weather = weatherOf(this.dice);
    this.slots = Array.from({ length: this.dice.int(2, 3) }, () => null);
  }

  /** True once nothing goes wrong any more. */
  get healed(): boolean {
    return this.#healed;
  }

  /** Adds a line to the trace. */
  say(line: string): void {
    this.trace.push(`${this.clock.monotonic().toFixed(2).padStart(9)} ${line}`);
  }

  /** From the first start to the verdict. */
  async live(): Promise<Outcome> {
    this.say(
      `seed ${this.seed} ${JSON.stringify({ ...this.settings, ...this.#weather, replicas: this.slots.length })}`,
    );
    this.slots.forEach((_, slot) => this.start(slot));
    this.#publishAll();
    new Faults(this).plan(FAULT_PHASE_MS);
    await this.clock.run(FAULT_PHASE_MS, () => this.#hopeless);
    this.#heal();
    const quiet = await this.#untilQuiet();
    if (!quiet) this.ledger.broken(`not quiet ${QUIET_WITHIN_MS} ms after the last fault: ${this.#unfinished()}`);
    else await this.#end();
    judge({
      broker: this.broker,
      ledger: this.ledger,
      published: this.#published,
      maxDeliveries: this.settings.maxDeliveries,
      tickMs: TICK_MS,
      undisturbed: !this.#disturbed,
      kills: this.#kills,
    });
    return { seed: this.seed, problems: this.ledger.problems, trace: this.trace, steps: this.steps };
  }

  /** Replicas that live and were not asked to end. */
  get running(): readonly Replica[] {
    return this.slots.filter((replica) => replica !== null && replica.process.state === "running" && !replica.stopping)
      .map((replica) => replica!);
  }

  /** Starts a new process in a slot. */
  start(slot: number): void {
    const startId = `s${this.#starts++}`;
    const replica = new Replica({
      world: this.clock,
      broker: this.broker,
      dice: new Dice(this.seed, startId),
      ledger: this.ledger,
      slot: `r${slot}`,
      startId,
      settings: this.settings,
      schedules: [defineSchedule({ name: TICK, everyMs: TICK_MS, missed: "all", event: { type: TICK } })],
      weather: () => this.#weather,
      trace: (line) => this.say(line),
      handlerWorld: {
        planOf: (id) => this.#planned.get(id)?.plan ?? { kind: "ok" },
        count: (id, what) => this.#count(`${what} ${id}`),
      },
      onPoisoned: (killed, ref) => this.#poisoned(slot, killed, ref),
    });
    replica.happenings.listen(({ kind }) => this.#disturbed ||= kind === "lease_lost" || kind === "taken_over");
    this.slots[slot] = replica;
    this.say(`${replica.name} starts`);
    replica.start();
  }

  /** Kills what runs in a slot; another starts there after a while. */
  crash(slot: number, cause: string, backAfterMs: number): void {
    const replica = this.slots[slot];
    if (!replica || replica.process.state === "dead") return;
    this.say(`${replica.name} dies: ${cause}`);
    this.#disturbed = true;
    replica.crash(cause);
    this.clock.after(backAfterMs, () => {
      if (this.slots[slot] === replica) this.start(slot);
    });
  }

  /** Ends a slot's replica in order; another starts there after a while, unless null. */
  stop(slot: number, backAfterMs: number | null): void {
    const replica = this.slots[slot];
    if (!replica || replica.process.state !== "running" || replica.stopping) return;
    this.say(`${replica.name} is asked to end`);
    const fine = this.#healed;
    // What it cannot have confirmed in time it does not report either.
    if (!fine) this.#disturbed = true;
    replica.stop().then((code) => {
      this.say(`${replica.name} exits with ${code}`);
      if (fine && code !== 0) this.ledger.broken(`${replica.name} exited with ${code} in fine weather`);
      if (backAfterMs !== null) this.clock.after(backAfterMs, () => this.slots[slot] === replica && this.start(slot));
    }).catch((error) => this.ledger.broken(`${replica.name} could not end: ${error}`));
  }

  #count(key: string): number {
    const before = this.#counts.get(key) ?? 0;
    this.#counts.set(key, before + 1);
    return before;
  }

  #poisoned(slot: number, replica: Replica, ref: string): void {
    if (replica.process.state === "dead") return;
    this.#kills.set(ref, (this.#kills.get(ref) ?? 0) + 1);
    this.crash(slot, `poison:${ref}`, 300);
  }

  /** Publishes until acknowledged, as a careful client does: the same id again, to whichever replica lives. */
  #publishAll(): void {
    const poisons = this.dice.chance(0.25) ? this.dice.int(1, 2) : 0;
    const { maxDeliveries } = this.settings;
    const dedup = this.settings.dedupWindowMs > 0;
    const outside = new MemoryStreamStore({ broker: this.broker, stream: STREAM, group: GROUP });
    for (const planned of populate(this.dice, { events: this.dice.int(40, 55), poisons, maxDeliveries, dedup })) {
      this.#planned.set(planned.id, planned);
      this.#unpublished++;
      this.steps++;
      const publish = planned.plan.kind === "garbage"
        ? () => outside.append([{ fields: ["id", planned.id, "type", planned.type, "data", "{nonsense"] }])
        : () => this.#publish(planned);
      this.clock.after(this.dice.between(0, FAULT_PHASE_MS), () => this.#persist(planned, publish));
      if (planned.copies === 1) continue;
      const fields = ["id", planned.id, "type", planned.type, "source", "sim"];
      this.clock.after(
        this.dice.between(0, FAULT_PHASE_MS),
        () => void this.#persist(planned, () => outside.append([{ fields }])),
      );
      this.#unpublished++;
    }
  }

  #persist(planned: Planned, publish: () => Promise<unknown>): void {
    let over = false;
    const end = (ok: boolean): void => {
      if (over) return;
      over = true;
      cancel();
      if (!ok) return void this.clock.after(this.dice.between(50, 300), () => this.#persist(planned, publish));
      this.#unpublished--;
      this.#published.set(planned.id, planned);
    };
    const cancel = this.clock.after(2_000, () => end(false));
    publish().then(() => end(true), () => end(false));
  }

  #publish({ id, type, subject, plan }: Planned): Promise<unknown> {
    const { running } = this;
    if (running.length === 0) return Promise.reject(new Error("no replica lives"));
    return this.dice.pick(running).publisher.publish({ id, type, subject, data: { plan: plan.kind } });
  }

  #heal(): void {
    this.say("all is well from now on");
    this.#healed = true;
    this.#weather = CALM;
    this.broker.refuse(null);
    this.slots.forEach((replica, slot) => {
      if (replica === null || replica.process.state === "dead") return this.start(slot);
      replica.process.resume();
      replica.heal();
    });
  }

  async #untilQuiet(): Promise<boolean> {
    const endMs = FAULT_PHASE_MS + QUIET_WITHIN_MS;
    // Late commands of closed connections come in until then.
    await this.clock.run(FAULT_PHASE_MS + LATEST_MS, () => this.#hopeless);
    while (this.clock.monotonic() < endMs && !this.#hopeless) {
      await this.clock.run(this.clock.monotonic() + LOOK_EVERY_MS);
      if (this.#quiet()) return true;
    }
    return false;
  }

  async #end(): Promise<void> {
    for (const replica of this.running) {
      if (!replica.worker.membership.joined) {
        this.ledger.broken(`${replica.name} is not in the group, long after all is well`);
      }
    }
    this.slots.forEach((_, slot) => this.stop(slot, null));
    const ended = (): boolean => this.slots.every((replica) => replica?.process.state === "dead");
    await this.clock.run(this.clock.monotonic() + 5_000, ended);
    for (const replica of this.slots) {
      if (replica !== null && replica.process.state !== "dead") this.ledger.broken(`${replica.name} does not end`);
    }
  }

  /** True when so much is wrong that it need not come to an end, which it might never do. */
  get #hopeless(): boolean {
    return this.ledger.problems.length >= MOST_PROBLEMS;
  }

  #quiet(): boolean {
    const { log, state, side } = this.broker.view(STREAM, GROUP);
    if (log === undefined || state === undefined || this.#unpublished > 0) return false;
    return state.pending.size === 0 && side.parked.size === 0 && log.countAfter(state.lastDelivered) === 0;
  }

  #unfinished(): string {
    const { log, state, side } = this.broker.view(STREAM, GROUP);
    const pending = [...state?.pending.values() ?? []].map(({ ref, owner }) =>
      `${ref} (${this.#eventOf(ref)}) of ${owner === "@parked" ? `@parked for ${side.parked.get(ref)?.owner}` : owner}`
    );
    const lag = log?.countAfter(state?.lastDelivered ?? { ms: 0, seq: 0 });
    return `unpublished ${this.#unpublished}, lag ${lag}, pending ${pending.join("; ")}`;
  }

  #eventOf(ref: string): string {
    let id = this.#eventIds.get(ref);
    if (id !== undefined) return id;
    const entry = this.broker.data.log(STREAM)?.get(ref);
    if (entry === undefined) return ref;
    this.#eventIds.set(ref, id = eventIdOf(entry));
    return id;
  }

  #checkTurn(): void {
    for (const replica of this.slots) {
      if (replica === null || replica.process.state === "dead") continue;
      if (replica.deaf) this.ledger.broken(`${replica.name} runs what was taken over, and did not tell it`);
      const bound = maxHeldOf(this.settings);
      if (replica.held > bound) {
        this.ledger.broken(`${replica.name} holds ${replica.held}, at most ${bound} are allowed`);
      }
    }
  }
}

function settingsOf(dice: Dice): Settings {
  const batchSize = dice.int(1, 8);
  return {
    leaseMs: dice.pick([1_500, 2_000, 3_000]),
    batchSize,
    concurrency: dice.int(1, 6),
    maxDeliveries: dice.int(3, 5),
    maxParked: dice.chance(0.3) ? dice.int(2, 6) : 20 * batchSize,
    dedupWindowMs: dice.chance(0.2) ? 120_000 : 0,
    handlerTimeoutMs: 1_000,
  };
}
