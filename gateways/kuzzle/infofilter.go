package kuzzle

import (
	"bytes"
	"encoding/json"
	"strings"
)

// nativeFilter returns a filter of Kuzzle as the bus understands it: the languages are the same, but for the name of
// the metadata.
func nativeFilter(filter []byte) []byte {
	if !bytes.Contains(filter, []byte(kuzzleInfo)) {
		return filter
	}
	d := json.NewDecoder(bytes.NewReader(filter))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return filter // the bus says what is wrong
	}
	out, err := json.Marshal(renamed(v))
	if err != nil {
		return filter
	}
	return out
}

// renamed returns a part of a filter with the names of fields changed, wherever one can stand. Values stay as they are.
func renamed(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = renamed(v[i])
		}
	case map[string]any:
		for name, inner := range v {
			if text, ok := inner.(string); ok && (name == "exists" || name == "missing" || name == "field") {
				v[name] = nativeField(text)
				continue
			}
			inner = renamed(inner)
			if to := nativeField(name); to != name {
				delete(v, name)
				name = to
			}
			v[name] = inner
		}
	}
	return v
}

// nativeField returns the name of a field in the bus.
func nativeField(field string) string {
	if rest, ok := strings.CutPrefix(field, kuzzleInfo); ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
		return "_info" + rest
	}
	return field
}
