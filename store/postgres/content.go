package postgres

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// searchable returns a document's content as PostgreSQL's jsonb can have it, and as filters understand it: numbers are
// those of float64, and what jsonb refuses in a text, NUL and half a character, is U+FFFD. The exact content is kept
// beside it.
func searchable(content []byte) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(content))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return json.Marshal(normal(v))
}

func normal(v any) any {
	switch v := v.(type) {
	case string:
		return plain(v)
	case json.Number:
		return json.Number(number(v))
	case []any:
		for i := range v {
			v[i] = normal(v[i])
		}
	case map[string]any:
		for name, value := range v {
			if fit := plain(name); fit != name {
				delete(v, name)
				name = fit
			}
			v[name] = normal(value)
		}
	}
	return v
}

// number returns the shortest text of the float64 that a number is read as. Those above all are 1e309.
func number(n json.Number) string {
	f, _ := strconv.ParseFloat(n.String(), 64)
	switch {
	case math.IsInf(f, 1):
		return "1e309"
	case math.IsInf(f, -1):
		return "-1e309"
	case f == 0:
		return "0"
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

// plain returns a text as a column of PostgreSQL takes it.
func plain(text string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", "\ufffd"), "\ufffd")
}
