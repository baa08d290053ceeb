/** The port of the gate inside a network namespace of its own, where nothing else listens at first. */
export const GATE_PORT = 3128;
