/**
 * What goes wrong in a simulation besides single calls: processes die, sleep and end, connections and the store are away.
 * @module
 */
import type { Dice } from "./dice.ts";
import type { Simulation } from "./simulation.ts";
import { CALM, type Weather } from "./wire.ts";

const REFUSALS = [["out_of_memory", "data"], ["readonly", "all"], ["misconf", "all"]] as const;

/** How bad the connections of one simulation are. */
export function weatherOf(dice: Dice): Weather {
  const force = dice.pick([0, 0.3, 1, 1, 2]);
  if (force === 0) return CALM;
  return {
    slow: 0.05 * force * dice.next(),
    rejected: 0.03 * force * dice.next(),
    lostReply: 0.03 * force * dice.next(),
    silent: 0.01 * force * dice.next(),
    refused: 0.03 * force * dice.next(),
  };
}

/** See the module's text. */
export class Faults {
  readonly #world: Simulation;
  readonly #dice: Dice;

  /** @param world Whose life is made hard. */
  constructor(world: Simulation) {
    this.#world = world;
    this.#dice = world.dice;
  }

  /** Sets the faults of the whole phase. */
  plan(phaseMs: number): void {
    const makers: readonly (readonly [number, () => void])[] = [
      [3, () => this.#crash()],
      [3, () => this.#suspend(true)],
      [4, () => this.#suspend(false)],
      [3, () => this.#stop()],
      [4, () => this.#disconnect()],
      [2, () => this.#refuse()],
      [2, () => this.#stepWall()],
    ];
    // Not every life has every kind of fault: some bugs show only where others do not cover them.
    const kinds = makers.filter(() => this.#dice.chance(0.6));
    if (kinds.length === 0) kinds.push(makers[0]!);
    const count = this.#dice.int(20, 30);
    for (let n = 0; n < count; n++) {
      this.#world.steps++;
      this.#world.clock.after(this.#dice.between(200, phaseMs - 200), this.#pick(kinds));
    }
  }

  #pick(kinds: readonly (readonly [number, () => void])[]): () => void {
    let roll = this.#dice.next() * kinds.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, make] of kinds) {
      if (roll < weight) return make;
      roll -= weight;
    }
    return kinds[0]![1];
  }

  #slot(): number {
    return this.#dice.int(0, this.#world.slots.length - 1);
  }

  #crash(): void {
    this.#world.crash(this.#slot(), "killed", this.#dice.between(50, 2_000));
  }

  #stop(): void {
    this.#world.stop(this.#slot(), this.#dice.between(50, 2_000));
  }

  /** A zombie sleeps past its lease; a stalled event loop does not. */
  #suspend(zombie: boolean): void {
    const replica = this.#world.slots[this.#slot()];
    if (!replica || replica.process.state !== "running") return;
    const { leaseMs } = this.#world.settings;
    const ms = zombie ? this.#dice.between(leaseMs, 3 * leaseMs) : this.#dice.between(10, leaseMs / 2);
    this.#world.say(`${replica.name} sleeps for ${ms.toFixed(0)} ms`);
    replica.process.suspend();
    this.#world.clock.after(ms, () => {
      if (replica.process.state !== "suspended") return;
      this.#world.say(`${replica.name} wakes`);
      replica.process.resume();
    });
  }

  #disconnect(): void {
    const replica = this.#world.slots[this.#slot()];
    const { leaseMs } = this.#world.settings;
    replica?.disconnect(this.#dice.chance(0.3) ? this.#dice.between(leaseMs, 2 * leaseMs) : this.#dice.between(0, 800));
  }

  #refuse(): void {
    if (this.#world.healed) return;
    const [cause, scope] = this.#dice.pick(REFUSALS);
    this.#world.say(`the store refuses: ${cause}`);
    this.#world.broker.refuse(cause, scope);
    this.#world.clock.after(this.#dice.between(100, 2_500), () => this.#world.broker.refuse(null));
  }

  #stepWall(): void {
    const replica = this.#world.slots[this.#slot()];
    replica?.process.stepWall(this.#dice.pick([-3_600_000, -1_500, 1_500, 3_600_000]));
  }
}
