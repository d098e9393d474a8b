import { type AgentRef, type AgentSpec, refName } from "./agent.ts";
import type { World } from "./estimate.ts";
import type { Outline, OutlineStep } from "./outline.ts";

/** What stands in an outline, all that is played inside it included. */
export interface Survey {
  /** Whom its calls ask first, in order. */
  readonly asked: readonly AgentSpec[];
  /** The models that it may ask, fallbacks included, and for whom. */
  readonly models: ReadonlyMap<string, AgentSpec>;
  /** Steps and agents of which nobody knows what they do. */
  readonly unknown: readonly string[];
  /** Steps that wait for somebody or something. */
  readonly waits: readonly string[];
  /** Levels of patterns inside patterns; the outermost is 1. */
  readonly depth: number;
}

/** Looks through an outline, as deep as patterns may stand inside each other. */
export function survey(outline: Outline, world: World): Survey {
  const surveyor = new Surveyor(world);
  surveyor.look(outline, 1);
  return surveyor;
}

class Surveyor implements Survey {
  readonly asked: AgentSpec[] = [];
  readonly models = new Map<string, AgentSpec>();
  readonly unknown: string[] = [];
  readonly waits: string[] = [];
  depth = 1;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  look({ steps }: Outline, level: number): void {
    this.depth = Math.max(this.depth, level);
    if (level <= this.#world.limits.depth) for (const step of steps) this.#step(step, level);
  }

  #step({ name, kind, agent, fallback = [], inner }: OutlineStep, level: number): void {
    if (inner) return this.look(inner, kind === "run" ? level + 1 : level);
    if (kind === "run") this.unknown.push(name);
    if (kind === "wait") this.waits.push(name);
    if (agent === undefined) return;
    const first = this.#meet(agent, level);
    if (first) this.asked.push(first);
    for (const ref of fallback) this.#meet(ref, level);
  }

  /** Whom a reference means; a workflow that stands there is looked through. */
  #meet(ref: AgentRef, level: number): AgentSpec | undefined {
    const spec = this.#world.find(ref);
    const inner = spec ? undefined : this.#world.inner?.(ref);
    if (inner) this.look(inner, level + 1);
    else if (!spec) this.unknown.push(refName(ref));
    if (spec) for (const model of spec.models) this.models.set(model, this.models.get(model) ?? spec);
    return spec;
  }
}
