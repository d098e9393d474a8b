import { type Condition, compileCondition } from "../core/condition.ts";
import { Failure } from "../core/errors.ts";
import { type BatonEvent, type EventFilter, fitsType } from "../core/event.ts";
import type { Log } from "../core/log.ts";

const KEPT = 1000;

/** Tells which events a filter means. Each condition is compiled once. */
export class Filters {
  readonly #log: Log;
  readonly #conditions = new Map<string, Condition | undefined>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** A condition that cannot be told of an event does not hold of it. */
  fits({ type, where, correlation_id }: EventFilter, event: BatonEvent): boolean {
    if (!fitsType(event.type, type)) return false;
    if (correlation_id !== undefined && correlation_id !== event.correlationid) return false;
    return where === undefined || this.#holds(where, event);
  }

  #holds(where: string, event: BatonEvent): boolean {
    try {
      return this.#condition(where)?.holds({ event }) ?? false;
    } catch (error) {
      this.#untold(where, error, event);
      return false;
    }
  }

  #condition(where: string): Condition | undefined {
    if (this.#conditions.has(where)) return this.#conditions.get(where);
    if (this.#conditions.size >= KEPT) this.#conditions.clear();
    this.#conditions.set(where, undefined);
    const condition = compileCondition(where, ["event"]);
    this.#conditions.set(where, condition);
    return condition;
  }

  #untold(where: string, error: unknown, { id, source, type }: BatonEvent): void {
    const { code, message } = Failure.from(error);
    this.#log.warn({ event: "filter.untold", where, code, about: { id, source, type } }, message);
  }
}
