import type { IncomingMessage, ServerResponse } from "node:http";
import type { Asked, Reply } from "./script.ts";

/** Answers with a status that the script wants, in the words of the dialect. */
export function refuse(
  response: ServerResponse,
  { dialect }: Pick<Asked, "dialect">,
  { body, headers }: Pick<Reply, "body" | "headers">,
  status: number,
  message = `the vendor says ${status}`,
): void {
  const error = { message, type: status === 400 ? "invalid_request_error" : "error" };
  const usual = dialect === "openai" ? { error } : { type: "error", error };
  const isText = typeof body === "string";
  response.writeHead(status, { "content-type": isText ? "text/html" : "application/json", ...headers });
  response.end(isText ? body : JSON.stringify(body ?? usual));
}

export function send(response: ServerResponse, status: number, body: string, type = "application/json"): void {
  response.writeHead(status, { "content-type": type });
  response.end(body);
}

export function readBody(request: IncomingMessage, done: (text: string) => void): void {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => done(Buffer.concat(chunks).toString("utf8")));
}
