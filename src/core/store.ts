import type { Terms } from "./approval.ts";
import type { Ask, Caps, Ledger, Refused } from "./budget.ts";
import type { Catalogue } from "./catalogue.ts";
import type { Fork } from "./changes.ts";
import type { FailureInfo } from "./errors.ts";
import type { EventFilter, EventStore } from "./event.ts";
import type { OnBudget } from "./limits.ts";
import type { Bodies, Material } from "./material.ts";
import type { MemoryStore } from "./memory.ts";
import type { Message, RehearsalPlan, ShapeMode, ToolSpec, ToolUse } from "./provider.ts";
import type { Status } from "./status.ts";
import type { Undoable } from "./undoing.ts";
import type { Usage } from "./usage.ts";
import type { VersionStore } from "./versions.ts";

/** The caps of a run: money in nano-USD, and the seconds that workers may play it. */
export interface RunCaps extends Caps {
  readonly seconds?: number;
  /** Somebody set the cap of money on purpose; the built-in default is not explicit. */
  readonly explicit: boolean;
}

/** What is known of a run when it is created; the store adds the rest. */
export interface NewRun {
  readonly id: string;
  readonly pattern: string;
  readonly pattern_version: number;
  readonly input: unknown;
  readonly caller: string;
  readonly caps: RunCaps;
  readonly on_budget: OnBudget;
  readonly priority: number;
  readonly labels: readonly string[];
  readonly catalogue: Catalogue;
  readonly seed: string;
  /** What a worker must have to play it, such as `provider:openai`. */
  readonly needs: readonly string[];
  readonly rehearsal?: RehearsalPlan;
  /** With the hash of the arguments, so that the same key with other input is refused. */
  readonly idempotency?: { readonly key: string; readonly hash: string };
  /** Which worker should have it first. */
  readonly preferred?: string;
  /** The run whose lines it is offered, and how it differs from that. */
  readonly source?: string;
  readonly fork?: Fork;
  /** What marks in its input stand for. */
  readonly material?: Material;
  /** The bytes of its files, where the store does not hold them yet. */
  readonly bodies?: Bodies;
}

/** A run as it stands: what it was created with, its catalogue by hash, and what has become of it. */
export interface Run extends Omit<NewRun, "catalogue" | "idempotency" | "preferred" | "bodies"> {
  readonly status: Status;
  readonly catalogue: string;
  readonly generation: number;
  readonly epoch: number;
  readonly crashes: number;
  readonly owner?: string;
  /** Someone has asked for its end; its owner has not yet ended it. */
  readonly cancelling: boolean;
  /** Someone has paused it; while it is played, its calls in flight are still to end. */
  readonly paused: boolean;
  /** What somebody has done to it last, who and when. */
  readonly control?: { readonly action: "cancel" | "pause" | "resume"; readonly by: string; readonly at: number };
  readonly created_at: number;
  readonly started_at?: number;
  readonly ended_at?: number;
  /** How long workers have played it. */
  readonly held_ms: number;
  readonly wake_at?: number;
  /** When a dead run was dropped: it is kept, and no dead letter any more. */
  readonly dropped_at?: number;
  /** The run whose deeds it takes back. */
  readonly undoes?: string;
  /** How often what was done at a place was taken back, to be done again. */
  readonly redone?: Readonly<Record<string, number>>;
  readonly output?: unknown;
  readonly error?: FailureInfo;
  readonly degraded: readonly string[];
  readonly progress?: string;
  readonly usage: Usage;
  /** Nano-USD reserved by requests in flight. */
  readonly held: number;
}

/** One thing a pattern has been told. Lines are memory. */
export interface Line {
  readonly generation: number;
  readonly place: string;
  /** Counted by the run's owner; the order of a run is this, never time. */
  readonly seq: number;
  readonly kind: "call" | "join" | "time" | "wait" | "run" | "choice";
  readonly print: string;
  readonly state: "done" | "failed";
  readonly value?: unknown;
  readonly error?: FailureInfo;
  readonly agent?: string;
  readonly model?: string;
  /** What it used, as the pattern may read it. */
  readonly usage?: Usage;
  /** Why the result of a pattern inside a pattern is less than was asked for. */
  readonly degraded?: readonly string[];
  readonly ms: number;
  readonly at: number;
  /** A later generation has dropped it: only a trace shows it. */
  readonly dropped?: boolean;
  /** A fork has taken it from its source: it cost this run nothing. */
  readonly reused?: boolean;
}

export type AttemptResult = "ok" | "bad" | "failed" | "aborted" | "lost";

/** One request to a provider. Attempts are money. */
export interface Attempt {
  /** From 1, counted by the run's owner. */
  readonly id: number;
  readonly generation: number;
  readonly place: string;
  readonly epoch: number;
  /** Which of the agent's models is asked (0 is the first), and which turn of the dialogue with it (1 is a repair). */
  readonly rung: number;
  readonly turn: number;
  readonly agent: string;
  readonly model: string;
  readonly state: "held" | "settled";
  readonly result?: AttemptResult;
  readonly reserve: { readonly usd: number; readonly tokens: number };
  readonly max_output_tokens: number;
  /** Its output was clamped by a budget. */
  readonly clamped: boolean;
  readonly usage: Usage;
  /** The bill is its reserve, since nobody could say what was used. */
  readonly estimated: boolean;
  readonly overrun: boolean;
  readonly cached_answer: boolean;
  readonly error?: FailureInfo;
  readonly input: AttemptInput;
  readonly reply?: string;
  /** What the model wanted done, where that was its reply. */
  readonly uses?: readonly ToolUse[];
  readonly mode?: ShapeMode;
  readonly at: number;
  readonly first_ms?: number;
  readonly ms?: number;
}

/** What was asked, whole; the store keeps each text once. */
export interface AttemptInput {
  readonly system: string;
  /** In a dialogue with tools: only what is new since the turn at `after`. */
  readonly messages: readonly Message[];
  /** The place of the turn before, whose dialogue and answer stand before these messages. */
  readonly after?: string;
  readonly tools?: readonly ToolSpec[];
  readonly shape?: unknown;
  /** Names the version of the shape that the answer was to have. */
  readonly shape_version?: string;
}

export interface Wait {
  readonly generation: number;
  readonly place: string;
  readonly kind: "approval" | "answer" | "event" | "timer" | "budget";
  readonly state: "open" | "answered" | "expired" | "withdrawn";
  readonly show?: unknown;
  /** Which event it waits for, where it waits for one. */
  readonly event?: EventFilter;
  /** The hash of what is shown; an approval names it. */
  readonly approval?: string;
  readonly expires_at?: number;
  readonly terms?: Terms;
  /** When it is told again that somebody is waited for, and when it was. */
  readonly escalate_at?: number;
  readonly escalated_at?: number;
  readonly answer?: unknown;
  readonly decided_by?: string;
  readonly decided_at?: number;
  readonly opened_at: number;
}

/** All that a run remembers. */
export interface Memory {
  readonly lines: readonly Line[];
  readonly attempts: readonly Attempt[];
  readonly waits: readonly Wait[];
}

/** What a source gives its fork to remember. */
export interface Offered {
  readonly lines: readonly Line[];
  /** Requests that an end cut off in the source, so that an end by time can be kept where they ask the same. */
  readonly cut: readonly Attempt[];
}

/** Who plays a run, and since which claim; every write of a player names it, and an outdated one is refused. */
export interface Fence {
  readonly run: string;
  readonly epoch: number;
}

export interface Hold {
  readonly attempt: Pick<
    Attempt,
    "id" | "generation" | "place" | "rung" | "turn" | "agent" | "model" | "input" | "cached_answer" | "at"
  >;
  readonly ask: Ask;
  /** The nodes above the run that must allow it, with today's caps. */
  readonly nodes: readonly { readonly id: string; readonly scope: "caller" | "day"; readonly caps: Caps }[];
  /** What of the run's caps is kept for closing calls that have not begun. */
  readonly aside: { readonly usd: number; readonly tokens: number; readonly calls: number };
  /** The nested caps around its place, folded by the owner. */
  readonly steps: readonly Ledger[];
  /** Checked with the money, and taken with it or not at all. */
  readonly room?: Room;
}

/** What a call needs of its provider beside money, where others may need it too. */
export interface Room {
  readonly provider: string;
  /** How many calls it takes at once, over all processes; said where others may be there. */
  readonly most?: number;
  /** How many calls may be in flight at once, whomever they ask, over all processes. */
  readonly all?: number;
  readonly rpm?: number;
  readonly tpm?: number;
  readonly tokens: number;
}

/** Somebody is to be left alone until then: a breaker is open, or a provider has asked for rest. */
export interface Door {
  readonly subject: string;
  readonly kind: "open" | "rest";
  readonly until: number;
  readonly failures: number;
  readonly last?: string;
}

/** What other processes on the same store are about. */
export interface Traffic {
  readonly workers: readonly { readonly worker: WorkerIdentity; readonly plays: boolean }[];
  /** Their calls in flight. */
  readonly held: readonly { readonly model: string; readonly calls: number }[];
  /** Whose calls wait for whom. */
  readonly wants: readonly { readonly provider: string; readonly worker: string }[];
  /** What they have shut. */
  readonly doors: readonly Door[];
  /** Every breaker that was opened and not yet closed, by whomever, and whether a request is trying it now. */
  readonly breakers: readonly { readonly subject: string; readonly tried: boolean }[];
}

export interface Settle {
  readonly id: number;
  readonly result: AttemptResult;
  readonly usage: Usage;
  readonly estimated: boolean;
  readonly error?: FailureInfo;
  readonly reply?: string;
  readonly uses?: readonly ToolUse[];
  readonly mode?: ShapeMode;
  readonly first_ms?: number;
  readonly ms: number;
}

export interface Ending {
  readonly status: "succeeded" | "failed" | "dead" | "cancelled";
  readonly output?: unknown;
  readonly error?: FailureInfo;
  readonly degraded: readonly string[];
}

/** A wait as it is opened. */
export type NewWait = Omit<Wait, "state" | "answer" | "decided_by" | "decided_at" | "escalated_at">;

/** What the player of a run writes. The writes of one call happen together or not at all. */
export type Write =
  | { readonly do: "hold"; readonly hold: Hold }
  | { readonly do: "settle"; readonly settle: Settle }
  | { readonly do: "line"; readonly line: Line }
  /** Closes branches: attempts held under these places are settled at their reserve, open waits withdrawn. */
  | { readonly do: "close"; readonly under: readonly string[] }
  | { readonly do: "open"; readonly wait: NewWait }
  /** Ends an open wait by time. */
  | { readonly do: "expire"; readonly place: string }
  /**
   * Puts the run down until one of these waits is settled; refused where one of them no longer is open. One that asks
   * for a budget as well is refused where the run has other caps by now than those that were too small.
   */
  | {
      readonly do: "park";
      readonly places: readonly string[];
      readonly asks?: { readonly wait: NewWait; readonly caps: RunCaps };
    }
  /** Puts the run down because it is paused; refused where it no longer is. */
  | { readonly do: "pause" }
  | { readonly do: "progress"; readonly text: string }
  | { readonly do: "end"; readonly ending: Ending }
  /** Gives the run back to the queue, all held attempts settled at their reserve. */
  | { readonly do: "release" }
  | { readonly do: "beat" };

export type Written =
  | {
      readonly did: "held";
      readonly output: number;
      readonly usd: number;
      readonly tokens: number;
      readonly clamped: boolean;
      /** Whose breakers it is to try, the one of all requests. */
      readonly tries?: readonly string[];
    }
  | { readonly did: "wait" }
  /** Its provider, or the server, is as busy as it may be, over all processes; for so long, where that is known. */
  | { readonly did: "full"; readonly wait_ms?: number; readonly all?: true }
  /** Another process has found its provider or model to be out of order. */
  | { readonly did: "shut"; readonly door: Door }
  /** A breaker's time is over, and another request has been let through to see whether anybody is there. */
  | { readonly did: "tried" }
  | (Refused & { readonly did: "refused" })
  /** `park` and `pause` alone: was it put down; `end` alone: which status it got (a durable cancel comes first). */
  | { readonly did: "parked"; readonly ok: boolean }
  | { readonly did: "ended"; readonly status: Status }
  /** `open` of a wait for an event: how it stands; an event that came early has answered it. */
  | { readonly did: "opened"; readonly wait: Wait }
  | { readonly did: "done" };

/** A worker as the store knows it: its name, and where it runs. */
export interface WorkerIdentity {
  readonly id: string;
  readonly pid: number;
  readonly host: string;
  /** Changes with every start of the machine (or its container); pids mean nothing beyond it. */
  readonly boot: string;
  /** The file whose operating-system lock this process holds for as long as it lives. */
  readonly lock: string;
  /** What kind of process it is, for people. */
  readonly role?: string;
}

export interface Claimed {
  readonly run: Run;
  readonly catalogue: Catalogue;
  readonly memory: Memory;
  /** A fork alone: what its source remembers, as generation 0. */
  readonly offered?: Offered;
  /** The bytes of its files, where it has any. */
  readonly bodies?: Bodies;
}

/** A lease as another process sees it: unchanged `beat` means that its owner has not renewed it. */
export interface Lease {
  readonly run: string;
  readonly epoch: number;
  readonly beat: number;
  readonly owner: WorkerIdentity | undefined;
}

/** A run that is played, and by whom; a player that nobody knows any more is none. */
export interface Player {
  readonly run: string;
  readonly labels: readonly string[];
  readonly owner?: WorkerIdentity;
  readonly since?: number;
  /** It takes up nothing more, and gives back what it cannot end. */
  readonly leaving: boolean;
}

export interface RunFilter {
  readonly query?: string;
  readonly status?: readonly Status[];
  readonly pattern?: string;
  readonly label?: string;
  readonly since?: number;
  readonly caller?: string;
  readonly limit: number;
  readonly cursor?: string;
}

export interface RunPage {
  readonly runs: readonly Run[];
  readonly next?: string;
}

export interface RunStats {
  readonly counts: Readonly<Record<Status, number>>;
  /** Milliseconds from creation to end, of the ended runs that match. */
  readonly p50?: number;
  readonly p95?: number;
  readonly p99?: number;
  readonly usd: number;
}

/** What others may have changed in a run while it was played. */
export interface News {
  readonly cancelling: boolean;
  readonly paused: boolean;
  readonly waits: readonly Wait[];
}

/** How far a run is, counted. */
export interface Progress {
  readonly done: number;
  readonly running: readonly string[];
  readonly waiting: readonly Wait[];
  readonly failed: readonly string[];
  /** What was about to change the world, and nobody has been told what came of it. */
  readonly untold?: readonly string[];
  /** A fork alone: how many steps it has taken from its source. */
  readonly reused?: number;
}

export type Decision = {
  readonly how: "approved" | "rejected" | "answered";
  readonly value?: unknown;
  readonly note?: string;
  /** The hash of what the decider was shown; a decision on anything else is refused. */
  readonly approval?: string;
  /** What was shown is approved as the value has it, and not as it was shown. */
  readonly edited?: true;
};

/** A provider, or an agent as `agent:name`, that a person has switched off. */
export interface Switch {
  readonly subject: string;
  readonly off_by: string;
  readonly off_at: number;
}

/** What runs of a kind have cost and taken so far, for estimates and alerts. */
export interface Baseline {
  readonly subject: string;
  readonly place: string;
  readonly runs: number;
  readonly usd: number;
  readonly ms: number;
}

/** Where runs live. Whoever passes test/store/contract.ts may take this place. */
export interface RunStore extends EventStore {
  /** What is remembered beyond runs. */
  readonly remembered: MemoryStore;
  /** Versions of agents, and how they have done. */
  readonly versions: VersionStore;
  /** Writes a run, or finds the one with the same idempotency key; fails with KEY_REUSED where its input was another. */
  create(run: NewRun, limits: { readonly queued: number }): Promise<{ readonly run: Run; readonly existed: boolean }>;
  get(id: string): Promise<Run | undefined>;
  list(filter: RunFilter): Promise<RunPage>;
  stats(filter: Omit<RunFilter, "limit" | "cursor">): Promise<RunStats>;
  progress(id: string): Promise<Progress>;
  memory(id: string): Promise<Memory>;
  catalogue(hash: string): Promise<Catalogue | undefined>;

  /** Makes a worker known, so that leases can name it. */
  enlist(worker: WorkerIdentity): Promise<void>;
  dismiss(worker: string): Promise<void>;
  /** Says of a worker that it takes up nothing more. */
  leave(worker: string): Promise<void>;
  players(): Promise<readonly Player[]>;
  /** How many runs without one of these labels a worker with these skills could play now, or by then. */
  ready(has: readonly string[], play: readonly PatternKey[], by: number, but: readonly string[]): Promise<number>;
  /** The best queued run this worker can play: its own first, then by rank. `has` are the needs it can meet. */
  claim(worker: string, has: readonly string[], play: readonly PatternKey[]): Promise<Claimed | undefined>;
  /** Every run that is played, and by whom. */
  leases(): Promise<readonly Lease[]>;
  /** Takes a run from an owner who is dead or silent, if it has not moved since it was seen: queued, or cancelled if asked. */
  reap(lease: Pick<Lease, "run" | "epoch" | "beat">): Promise<boolean>;
  /** Wakes parked runs whose time has come, and tells of those who have waited for somebody too long. Returns how many, and when the next one is due. */
  wake(): Promise<{ readonly woken: number; readonly next?: number }>;

  /** Writes as the player of a run; `undefined` where the run is no longer this player's. */
  write(fence: Fence, writes: readonly Write[]): Promise<readonly Written[] | undefined>;
  /** Corrects the bill of a settled attempt once, when the provider's figure arrives late; needs no fence. */
  correct(run: string, attempt: number, usage: Usage): Promise<void>;
  /** The waits of a run and whether its end or its pause is asked for, as others may have changed them. */
  news(run: string): Promise<News>;

  cancel(id: string, by?: string): Promise<Run>;
  /** Puts a run down until `resume`; one that is played, once its calls in flight have ended. One that has ended stays so. */
  pause(id: string, by?: string): Promise<Run>;
  /** Lets a paused run go on, at its old place in the queue. */
  resume(id: string, by?: string): Promise<Run>;
  /** A failed or dead run goes back to the queue in a new generation, without its failed lines. */
  again(id: string, from: "failed" | "dead", step?: string): Promise<Run>;
  /** What of a run's deeds would be taken back, and what has no way back. */
  undoable(id: string): Promise<Undoable>;
  /** Has what a run did taken back by a run of its own, once; one that did not get to its end goes on. `ask`: a person must agree first. */
  compensate(id: string, how: { readonly ask: boolean }): Promise<{ readonly run: Run; readonly existed: boolean }>;
  /** The runs that took back what a run did, the oldest first. */
  undoings(id: string): Promise<readonly Run[]>;
  /** A dead run is kept, and no dead letter any more; requeued, it is as if it had never been dropped. */
  drop(id: string): Promise<Run>;
  decide(id: string, place: string, decision: Decision, by: string): Promise<Wait>;
  /** Sets the caps of a run and, where it waits for them, wakes it. */
  raise(id: string, caps: Caps & { readonly seconds?: number }, by: string): Promise<Run>;
  /** Wakes the runs that wait for a cap above their own which was smaller than it is now. Returns how many. */
  recap(daily: { readonly caller: Caps; readonly day: Caps }): Promise<number>;

  /** What all other processes than this worker's are about. */
  traffic(worker: string): Promise<Traffic>;
  /** Says until when a worker has calls that wait for these providers. */
  want(worker: string, providers: readonly string[], until: number): Promise<void>;
  /** Tells all processes that somebody is to be left alone. */
  shut(door: Door, worker: string): Promise<void>;
  /** A breaker has closed again. */
  reopen(subject: string): Promise<void>;

  /** What has been switched off. */
  switches(): Promise<readonly Switch[]>;
  /** Switches something off; true where it was on. */
  switchOff(subject: string, by: string): Promise<boolean>;
  /** Switches it on again, and wakes every run that waits for somebody to be there; true where it was off. */
  switchOn(subject: string): Promise<boolean>;

  nodes(ids: readonly string[]): Promise<readonly Pick<Ledger, "id" | "spent" | "held">[]>;
  baselines(subject: string): Promise<readonly Baseline[]>;
  /** Changes whenever somebody else, in whatever process, has changed the store. Costs a microsecond. */
  others(): number;
  /** Told after each commit of this process which runs it changed. */
  onChange(listener: (runs: readonly string[]) => void): () => void;
  close(): Promise<void>;
}

export interface PatternKey {
  readonly name: string;
  readonly version: number;
}
