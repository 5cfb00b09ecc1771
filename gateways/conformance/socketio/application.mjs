// The application behind both servers: what it answers to events that clients send with a callback.
export const answers = {
  greet: (name) => [`hello ${name}`],
  add: (a, b) => [null, a + b],
  nothing: () => [],
  lines: () => ["\u2028 \u2029 é \u0000 \"quoted\" <&>"],
};

