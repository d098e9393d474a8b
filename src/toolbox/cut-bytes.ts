const number = (n: number): string => n.toLocaleString("en-US");

/** The beginning of a text, between characters, with a mark that says how much is missing and how to get it. */
export function cutBytes(text: string, most: number): { readonly text: string; readonly cut?: number } {
  const all = Buffer.byteLength(text);
  if (all <= most) return { text };
  // A decoder that expects more keeps the piece of a last character to itself.
  const kept = new TextDecoder().decode(Buffer.from(text).subarray(0, most), { stream: true });
  const left = all - Buffer.byteLength(kept);
  const mark = `[cut: ${number(left)} of ${number(all)} bytes left out; ask for a smaller part]`;
  return { text: `${kept}\n${mark}`, cut: left };
}
