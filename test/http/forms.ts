/** What a browser does with a page: it keeps cookies, reads forms and sends them. */
export class Browser {
  readonly #headers: Record<string, string>;
  #cookie: string | undefined;

  constructor(headers: Record<string, string> = {}) {
    this.#headers = headers;
  }

  async open(url: string): Promise<{ status: number; body: string; response: Response }> {
    const response = await fetch(url, { redirect: "manual", headers: this.#own() });
    const [cookie] = response.headers.getSetCookie();
    if (cookie !== undefined) this.#cookie = cookie.split(";")[0];
    return { status: response.status, body: await response.text(), response };
  }

  /** Sends the form of a page, with these fields instead of its own. */
  async send(
    url: string,
    body: string,
    fields: Record<string, string>,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; body: string }> {
    const { action, hidden } = formOf(body);
    const { origin } = new URL(url);
    const response = await fetch(new URL(action, url), {
      method: "POST",
      redirect: "manual",
      headers: { origin, "content-type": "application/x-www-form-urlencoded", ...this.#own(), ...headers },
      body: new URLSearchParams({ ...hidden, ...fields }),
    });
    return { status: response.status, body: await response.text() };
  }

  #own(): Record<string, string> {
    return { ...this.#headers, ...(this.#cookie !== undefined && { cookie: this.#cookie }) };
  }
}

/** Where the first form of a page goes, and what it carries. */
export function formOf(body: string): { action: string; hidden: Record<string, string> } {
  const [form = ""] = /<form[\s\S]*?<\/form>/.exec(body) ?? [];
  const [, action = ""] = /action="([^"]*)"/.exec(form) ?? [];
  const inputs = [...form.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)];
  return { action, hidden: Object.fromEntries(inputs.map(([, name = "", value = ""]) => [name, value])) };
}
