/** What is to be said of a place in a file. */
export interface Remark {
  readonly file: string;
  /** From 1; absent where the file as a whole is meant. */
  readonly line?: number;
  readonly column?: number;
  readonly severity: "error" | "warning";
  readonly message: string;
}

/** Files that were looked at, and what is to be said of them. */
export interface Examined {
  readonly files: readonly string[];
  readonly remarks: readonly Remark[];
}
