import { createHmac } from "node:crypto";
import { z } from "zod";
import type { StoredEvent } from "./event.ts";

/** What people are told of without asking: each is an event of Baton's own, with a page under docs/runbooks. */
export const ALERTS = [
  "run.dead",
  "run.failed",
  "run.costly",
  "breaker.opened",
  "approval.requested",
  "approval.escalated",
  "approval.expiring",
  "delivery.dead",
] as const;

/** Where alerts are sent, and which; the secret that signs them stands in a variable. */
export const WebhookSettings = z.strictObject({
  url: z.url({ protocol: /^https?$/ }),
  secret_env: z.string().optional(),
  on: z.array(z.enum(ALERTS)).min(1).optional(),
});
export type WebhookSettings = z.output<typeof WebhookSettings>;

/** One alert on its way to one webhook. */
export interface Notice {
  readonly id: string;
  readonly url: string;
  /** With this one. */
  readonly tries: number;
  readonly event: StoredEvent;
}

/** Is an event of Baton's own an alert? A run that failed is one only where somebody must mend something. */
export function isAlert(type: string, failedBy: string | undefined): boolean {
  if (type === "run.failed") return failedBy === "permanent" || failedBy === "semantic";
  return ALERTS.some((alert) => alert === type);
}

/** From when to when somebody is waited for; without an end for ever. */
interface Term {
  readonly opened_at: number;
  readonly expires_at?: number;
}

const HOUR_MS = 3_600_000;
const LEAST_TERM_MS = 10_000;

/**
 * When it is told that a wait for somebody is about to expire: in the last fifth of its term, an hour before at the
 * earliest. Of a term that is over in seconds it is not told: who has just been asked knows.
 */
export function warnAt({ opened_at, expires_at }: Term): number | undefined {
  const term = (expires_at ?? opened_at) - opened_at;
  if (expires_at === undefined || term < LEAST_TERM_MS) return undefined;
  return Math.floor(expires_at - Math.min(HOUR_MS, term / 5));
}

/** The page that says what an alert means and what to do. */
export const runbookOf = (type: string): string => `docs/runbooks/${type.replace(".", "-")}.md`;

/** An alert as a webhook is told it. */
export const alertBody = ({ number, type, time, caller, subject, data }: StoredEvent) => ({
  id: `alert/${number}`,
  type,
  time,
  caller,
  ...(subject !== undefined && { subject }),
  data,
  runbook: runbookOf(type),
});

/** The header that proves who has sent a body, and when (in seconds since 1970). */
export const signatureOf = (secret: string, seconds: number, body: string): string =>
  `t=${seconds},v1=${createHmac("sha256", secret).update(`${seconds}.${body}`).digest("hex")}`;
