// Where an error was thrown.

/** The first places of an error's stack, on one line; ` at …` each. */
export function places(error, most = Infinity) {
  const lines = String(error?.stack ?? '').split('\n');
  const frames = lines.map((line) => line.trim()).filter((line) => line.startsWith('at '));
  return frames.slice(0, most).reduce((text, frame) => `${text} ${frame}`, '');
}
