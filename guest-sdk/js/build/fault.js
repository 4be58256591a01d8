/** What goes wrong because of the project; told without a stack. */
export class Fault extends Error {}
