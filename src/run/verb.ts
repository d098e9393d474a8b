import { Failure } from "../core/errors.ts";
import type { Teller } from "./call.ts";
import type { Frame } from "./frame.ts";
import type { Playing } from "./playing.ts";

/**
 * Every verb begins here. While it is open its frame is not running; once the play is over, or the branch has lost,
 * it never settles, and the frames of the pattern are simply let go.
 */
export function verb<T>(
  play: Playing,
  frame: Frame,
  name: string,
  begin: (place: string, tell: Teller<T>) => void,
): Promise<T> {
  if (play.over || frame.closed) {
    play.active--;
    play.idle();
    return new Promise<never>(() => {});
  }
  if (frame.busy !== undefined) {
    const why = `${name} began before ${frame.busy} had ended: only map does several things at once`;
    play.catastrophe(new Failure("OVERLAPPED", why, { step: frame.path }));
    return new Promise<never>(() => {});
  }
  frame.busy = name;
  play.active--;
  return new Promise<T>((resolve, reject) => {
    const settle = (give: () => void) => {
      if (play.over || frame.closed) return;
      frame.busy = undefined;
      play.active++;
      give();
    };
    const tell = {
      done: (value: T) => settle(() => resolve(value)),
      fail: (failure: Failure) => settle(() => reject(failure)),
    };
    begin(frame.next(name), tell);
    play.idle();
  });
}
