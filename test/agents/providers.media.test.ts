import { deflateSync } from "node:zlib";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openProviders } from "../../src/agents/providers/index.ts";
import type { Media, Message, Provider } from "../../src/core/provider.ts";
import type { ProviderSettings } from "../../src/core/settings.ts";
import { startVendor, type Vendor } from "../stub/vendor.ts";
import { hooks, quiet, request } from "./asking.ts";

let vendor: Vendor;
beforeEach(async () => {
  vendor = await startVendor();
});
afterEach(() => vendor.close());

const settings = (more: ProviderSettings = {}): Record<string, ProviderSettings> => ({
  local: { type: "openai", base_url: vendor.v1, ...more },
});

function open(id: string, more?: ProviderSettings): Provider {
  const env = {
    OPENAI_API_KEY: "k",
    ANTHROPIC_API_KEY: "k",
    OPENAI_BASE_URL: vendor.v1,
    ANTHROPIC_BASE_URL: vendor.origin,
  };
  return openProviders(settings(more), env, quiet).get(id)!;
}

const base64 = (text: string): string => Buffer.from(text, "latin1").toString("base64");
const png: Media = { type: "image/png", data: base64("png") };
const page = "<< /Type /Page /Parent 1 0 R >>\n";
const pdf = (pages: number): Media => ({
  type: "application/pdf",
  data: base64(`%PDF-1.7\n${page.repeat(pages)}`),
  name: "plan.pdf",
});
const packed = (pages: number): Media => {
  const objects = deflateSync(Buffer.from(page.repeat(pages))).toString("latin1");
  return {
    type: "application/pdf",
    data: base64(`%PDF-1.7\n<< /Type /ObjStm /Filter /FlateDecode >>\nstream\n${objects}\nendstream`),
  };
};
const showing = (...media: Media[]): Message[] => [{ role: "user", content: "What is this?", media }];

it("pictures and documents reach OpenAI as parts before the text", async () => {
  await open("openai").complete(request({ messages: showing(png, pdf(1)), system: "" }), hooks());
  expect(vendor.requests[0]?.body?.["messages"]).toEqual([
    {
      role: "user",
      content: [
        { type: "image_url", image_url: { url: `data:image/png;base64,${png.data}` } },
        { type: "file", file: { filename: "plan.pdf", file_data: `data:application/pdf;base64,${pdf(1).data}` } },
        { type: "text", text: "What is this?" },
      ],
    },
  ]);
});

it("pictures and documents reach Anthropic as blocks before the text", async () => {
  await open("anthropic").complete(request({ messages: showing(png, pdf(1)) }), hooks());
  expect(vendor.requests[0]?.body?.["messages"]).toEqual([
    {
      role: "user",
      content: [
        { type: "image", source: { type: "base64", media_type: "image/png", data: png.data } },
        {
          type: "document",
          source: { type: "base64", media_type: "application/pdf", data: pdf(1).data },
          title: "plan.pdf",
        },
        { type: "text", text: "What is this?" },
      ],
    },
  ]);
});

it("a server of one's own takes them only where the settings say so; else nothing is sent, and the way out is told", async () => {
  const call = open("local").complete(request({ messages: showing(png) }), hooks());
  await expect(call).rejects.toMatchObject({
    code: "BAD_REQUEST",
    options: { billed: "nothing", hint: expect.stringContaining("providers: { local: { media: true } }") },
  });
  expect(vendor.requests).toHaveLength(0);
  await open("local", { media: true }).complete(request({ messages: showing(png) }), hooks());
  expect(vendor.requests).toHaveLength(1);
  const all = ["openai", "anthropic", "local", "rehearsal"].map((id) => open(id).can?.media);
  expect(all).toEqual([true, true, false, true]);
});

it.each([
  ["openai", 1536 * 2.46],
  ["anthropic", 4784],
])("the bound of %s is above what its vendor counts for the largest picture, whatever its bytes", (id, most) => {
  const bound = (...media: Media[]) => open(id).bound(request({ messages: showing(...media) }));
  const large: Media = { type: "image/jpeg", data: base64("j".repeat(4_000_000)) };
  expect(bound(png) - bound()).toBeGreaterThan(most);
  expect(bound(large) - bound(png)).toBe(1);
  expect(bound(png, png) - bound(png)).toBeGreaterThan(most);
});

it.each(["openai", "anthropic"])("the bound of %s counts the pages of a document, also packed ones", (id) => {
  const bound = (media: Media) => open(id).bound(request({ messages: showing(media) }));
  const each = bound(pdf(2)) - bound(pdf(1));
  expect(each).toBeGreaterThan(3000 + 1600);
  expect(bound(packed(12))).toBeGreaterThan(bound(pdf(11)));
  const unknown: Media = { type: "application/pdf", data: base64("x".repeat(60_000)) };
  expect(bound(unknown)).toBeGreaterThan(bound(pdf(30)));
});
