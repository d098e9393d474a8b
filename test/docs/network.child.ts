// Loaded before a program: says on stderr of every connection that it opens where it leads.
import { Socket } from "node:net";

const connect = Socket.prototype.connect;

/** Where a connection leads: a path on this machine, or host and port. */
function targetOf(given: unknown): string {
  const [first, second] = Array.isArray(given) ? given : [given];
  if (typeof first === "string") return first;
  if (typeof first === "number") return `${typeof second === "string" ? second : "localhost"}:${first}`;
  const { path, host = "localhost", port } = first as { path?: string; host?: string; port?: number };
  return path ?? `${host}:${port}`;
}

Socket.prototype.connect = function watched(this: Socket, ...args: [never]) {
  process.stderr.write(`connects to ${targetOf(args[0])}\n`);
  return connect.apply(this, args);
};
