import { createHash, timingSafeEqual } from "node:crypto";
import type { AuthInfo } from "@modelcontextprotocol/server";

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

/** Who a request's credentials stand for; nobody where they are missing or wrong. */
export type Doorkeeper = (authorization: string | undefined) => string | undefined;

/** Knows callers by static tokens: as a bearer token, or as the password that a browser asks for. */
export function doorkeeper(tokens: ReadonlyMap<string, string>): Doorkeeper {
  const known = [...tokens].map(([token, name]) => ({ name, digest: digest(token) }));
  return (authorization = "") => {
    const given = digest(tokenOf(authorization));
    return known.filter(({ digest }) => timingSafeEqual(digest, given)).map(({ name }) => name)[0];
  };
}

function tokenOf(authorization: string): string {
  const [, scheme = "", value = ""] = /^(\S+)\s+(.+)$/.exec(authorization) ?? [];
  if (scheme.toLowerCase() === "bearer") return value.trim();
  if (scheme.toLowerCase() !== "basic") return "";
  return Buffer.from(value, "base64")
    .toString()
    .replace(/^[^:]*:/, "");
}

/** The caller as the MCP side knows it; the token itself goes no further. */
export const authInfoOf = (name: string): AuthInfo => ({ token: "", clientId: name, scopes: [] });
