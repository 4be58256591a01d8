// Values that the operator set for this handler.

import * as host from '#host';
import { checkText } from './bytes.js';

/** The value that the operator set under this name, or undefined. */
export function config(name) {
  checkText(name, 'the name of a value');
  return host.config(name.toWellFormed()) ?? undefined;
}
