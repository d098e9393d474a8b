/**
 * How probable it is that more than half of all such answers agree with the leader, after so many for it and against
 * it: a uniform prior, so Beta(for + 1, against + 1) above one half, which for whole numbers is a finite sum of
 * binomial coefficients and is told exactly. The rule of Adaptive-Consistency, with all rivals taken as one: a majority
 * is more than half, and two answers in different words may yet mean the same.
 */
export function posteriorOf(votes: number, against: number): number {
  const n = votes + against + 1;
  let coefficient = 1n;
  let sum = 1n;
  for (let j = 1; j <= votes; j++) {
    coefficient = (coefficient * BigInt(n - j + 1)) / BigInt(j);
    sum += coefficient;
  }
  return Number((sum << DIGITS) >> BigInt(n)) / 2 ** Number(DIGITS);
}

/** As many binary digits as a number holds; what is beyond them is cut off, so that it never tells more than is so. */
const DIGITS = 53n;
