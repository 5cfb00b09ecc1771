export default {
  server: { proxy: { "/bus": { target: "http://127.0.0.1:8080", ws: true } } },
};
