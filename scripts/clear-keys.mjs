// Settings that would make a test talk to a real provider, or to somebody's own Baton.
const PRIVATE = /^(BATON|OPENAI|GROQ|ANTHROPIC|OPENROUTER|GEMINI)_/;

/**
 * Takes every provider setting and every Baton setting out of an environment, in place.
 * @param {Record<string, string | undefined>} env
 */
export function clearKeys(env) {
  for (const name of Object.keys(env)) if (PRIVATE.test(name)) delete env[name];
  return env;
}
