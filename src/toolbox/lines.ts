const NEWLINE = 0x0a;

/** Bytes that come in pieces, given on as lines; a line that is too long is none. */
export class Lines {
  #pieces: Buffer[] = [];
  #size = 0;
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  /** The lines that end in this piece; undefined where one is too long. */
  push(piece: Buffer): string[] | undefined {
    const lines: string[] = [];
    let from = 0;
    for (let end = piece.indexOf(NEWLINE); end >= 0; end = piece.indexOf(NEWLINE, from)) {
      if (!this.#keep(piece.subarray(from, end))) return undefined;
      lines.push(this.#take());
      from = end + 1;
    }
    return this.#keep(piece.subarray(from)) ? lines : undefined;
  }

  #keep(piece: Buffer): boolean {
    this.#size += piece.byteLength;
    if (piece.byteLength > 0) this.#pieces.push(piece);
    return this.#size <= this.#most;
  }

  #take(): string {
    const line = Buffer.concat(this.#pieces, this.#size).toString("utf8");
    this.#pieces = [];
    this.#size = 0;
    return line;
  }
}
