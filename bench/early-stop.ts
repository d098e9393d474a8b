import { isSettled, overHalf, type Standing, waveOf } from "../src/patterns/vote/stop.ts";
import { type Ballot, winnerOf } from "../src/patterns/vote/tally.ts";

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
  const percent = AGREEMENT.map((agreement) => `${Math.round(agreement * 100)} %`);
  return [
    `calls / waves / decided as all voters would; ${VOTES.toLocaleString("en")} votes a cell, two options, over half wins\n`,
    `| voters | early stop | ${percent.join(" | ")} |`,
    `|---|---|${percent.map(() => "---|").join("")}`,
    ...VOTERS.flatMap((n) => [row(n, false), row(n, true)]),
  ].join("\n");
}

function row(n: number, isSure: boolean): string {
  const cells = AGREEMENT.map((agreement) => {
    const draw = seeded(1 + n * 100 + Math.round(agreement * 100));
    const sum = { asked: 0, waves: 0, same: 0 };
    for (let i = 0; i < VOTES; i++) {
      const all = Array.from({ length: n }, () => ballot(draw() < agreement ? "yes" : "no"));
      const { asked, waves, isSame } = hold(all, isSure);
      sum.asked += asked;
      sum.waves += waves;
      sum.same += Number(isSame);
    }
    const mean = (of: number) => (of / VOTES).toFixed(1);
    return `${mean(sum.asked)} / ${mean(sum.waves)} / ${Math.floor((1000 * sum.same) / VOTES) / 10} %`;
  });
  return `| ${n} | ${isSure ? `confidence ${THRESHOLD}` : "outcome"} | ${cells.join(" | ")} |`;
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
