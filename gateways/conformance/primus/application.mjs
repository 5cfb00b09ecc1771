// The application behind both servers: what it answers to events that clients send with a callback.
export const answers = {
  greet: (name) => [`hello ${name}`],
  add: (a, b) => [null, a + b],
  nothing: () => [],
  lines: () => ["\u2028 \u2029 é \u0000 \"quoted\""],
};

// Who may sign in to both servers.
export const accounts = [
  { id: "ann", email: "ann@example.org", password: "right" },
  { id: "bob", email: "bob@example.org", password: "bobs" },
  { id: "carl", email: "carl@example.org", password: "c" },
  { id: "dora", email: "dora@example.org", password: "d" },
];
