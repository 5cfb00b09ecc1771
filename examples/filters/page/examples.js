/** What can be picked: each has a filter and a message, as text. */
export const examples = [
  {
    name: "A free taxi nearby",
    filter: `{"and": [
  {"equals": {"type": "taxi"}},
  {"range": {"seats": {"gte": 4}}},
  {"geoDistance": {
    "position": [48.8566, 2.3522],
    "distance": "3km"
  }}
]}`,
    message: `{
  "type": "taxi",
  "seats": 4,
  "position": {"lat": 48.8606, "lon": 2.3376}
}`,
  },
  {
    name: "Too few seats",
    filter: `{"and": [
  {"equals": {"type": "taxi"}},
  {"range": {"seats": {"gte": 4}}}
]}`,
    message: `{"type": "taxi", "seats": 2}`,
  },
  {
    name: "One of several types",
    filter: `{"in": {"type": ["taxi", "bus"]}}`,
    message: `{"type": "tram"}`,
  },
  {
    name: "Types are strict",
    filter: `{"equals": {"order": 17}}`,
    message: `{"order": "17"}`,
  },
  {
    name: "Null is a value",
    filter: `{"and": [
  {"exists": "driver"},
  {"not": {"exists": "left"}}
]}`,
    message: `{"driver": null}`,
  },
  {
    name: "An element of an array",
    filter: `{"exists": "tags[\\"night\\"]"}`,
    message: `{"tags": ["cheap", "night"]}`,
  },
  {
    name: "An expression",
    filter: `{"regexp": {"driver.name": {
  "value": "^jo",
  "flags": "i"
}}}`,
    message: `{"driver": {"name": "Joan"}}`,
  },
  {
    name: "At least this",
    filter: `{"match": {
  "driver": {"name": "Jo"},
  "tags": ["night"]
}}`,
    message: `{
  "driver": {"name": "Jo", "age": 40},
  "tags": ["cheap", "night"]
}`,
  },
  {
    name: "Must, and must not",
    filter: `{"bool": {
  "must": [{"exists": "driver"}],
  "must_not": [
    {"equals": {"status": "closed"}},
    {"equals": {"status": "lost"}}
  ]
}}`,
    message: `{"driver": "Jo", "status": "closed"}`,
  },
  {
    name: "In a box",
    filter: `{"geoBoundingBox": {"at": {
  "top": 49, "left": 2,
  "bottom": 48, "right": 3
}}}`,
    message: `{"at": "48.85, 2.35"}`,
  },
  {
    name: "A contradiction",
    filter: `{"and": [
  {"exists": "driver"},
  {"missing": "driver"}
]}`,
    message: `{"driver": "Jo"}`,
  },
  {
    name: "A mistake",
    filter: `{"and": [
  {"equals": {"type": "taxi"}},
  {"range": {"seats": {"gte": 4, "gt": 3}}}
]}`,
    message: `{"type": "taxi", "seats": 4}`,
  },
];
