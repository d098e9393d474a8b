import { isSettled, overHalf, type Standing, waveOf } from "../src/patterns/vote-stop.ts";
import { type Ballot, winnerOf } from "../src/patterns/vote-tally.ts";

const VOTERS = [3, 5, 9, 40];
const AGREEMENT = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95];
const OPTIONS = ["yes", "no"];
const VOTES = 4000;
const THRESHOLD = 0.95;

/** What a vote came to: how many were asked, in how many waves, and whether the full count decides the same. */
interface Vote {
  readonly asked: number;
  readonly waves: number;
  readonly isSame: boolean;
}

/** How many calls each early stop saves, and how often it decides as all voters would; nobody is asked, all is drawn. */
export async function earlyStop(): Promise<string> {
  const rows = VOTERS.flatMap((n) => AGREEMENT.map((agreement) => row(n, agreement)));
  return [
    `${VOTES.toLocaleString("en")} votes each, two options, a majority decides; confidence ${THRESHOLD}\n`,
    "| voters | agreement | outcome: calls (waves) | same | confidence: calls (waves) | same |",
    "|---|---|---|---|---|---|",
    ...rows,
  ].join("\n");
}

function row(n: number, agreement: number): string {
  const draw = seeded(1 + n * 100 + Math.round(agreement * 100));
  const votes = Array.from({ length: VOTES }, () =>
    Array.from({ length: n }, () => ballot(draw() < agreement ? "yes" : "no")),
  );
  const cells = [false, true].flatMap((isSure) => {
    const held = votes.map((all) => hold(all, isSure));
    const mean = (of: (vote: Vote) => number) => held.reduce((sum, vote) => sum + of(vote), 0) / VOTES;
    const asked = mean((vote) => vote.asked);
    const saved = Math.round(100 * (1 - asked / n));
    const same = 100 * mean((vote) => Number(vote.isSame));
    return [`${asked.toFixed(1)} (${mean((vote) => vote.waves).toFixed(1)}), -${saved} %`, `${same.toFixed(1)} %`];
  });
  return `| ${n} | ${Math.round(agreement * 100)} % | ${cells.join(" | ")} |`;
}

const ballot = (choice: string): Ballot => ({ voter: "", choice, confidence: 1, reason: "", weight: 1 });

/** Holds a vote in waves, as the pattern does. */
function hold(all: readonly Ballot[], isSure: boolean): Vote {
  const sure = isSure ? { threshold: THRESHOLD, quorum: undefined } : undefined;
  const standing = (asked: number): Standing => ({
    rule: "majority",
    ballots: all.slice(0, asked),
    waiting: all.slice(asked).map(({ weight }) => weight),
    quorum: overHalf(all.length),
    options: OPTIONS,
    sure,
  });
  let asked = 0;
  let waves = 0;
  for (; asked < all.length && !isSettled(standing(asked)); waves++) asked += waveOf(standing(asked));
  const isSame = winnerOf("majority", all.slice(0, asked)) === winnerOf("majority", all);
  return { asked, waves, isSame };
}

/** Numbers from 0 up to 1 that are the same for the same seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
