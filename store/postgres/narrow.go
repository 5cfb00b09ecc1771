package postgres

import (
	"encoding/json"
	"slices"
	"strings"

	"tidings/filter"
)

// narrow returns a condition that holds for each row that the filter matches, and for others too: what SQL says in
// another way than the filter does is left out.
func narrow(f *filter.Filter) expression {
	var tree map[string]any
	d := json.NewDecoder(strings.NewReader(f.JSON()))
	d.UseNumber()
	if d.Decode(&tree) != nil {
		return expression{}
	}
	return condition(tree)
}

func condition(clause any) expression {
	tree, _ := clause.(map[string]any)
	if len(tree) != 1 {
		return expression{}
	}
	for keyword, v := range tree {
		switch keyword {
		case "nothing":
			return expression{sql: "false"}
		case "and", "or":
			parts, _ := v.([]any)
			return combined(keyword, parts)
		case "exists":
			field, _ := v.(string)
			return onField(field, exists)
		case "equals":
			if field, value, ok := single(v); ok {
				return equal(field, value)
			}
		case "range":
			if field, value, ok := single(v); ok {
				return between(field, value)
			}
		}
	}
	return expression{}
}

func combined(keyword string, clauses []any) expression {
	var parts []expression
	for _, clause := range clauses {
		e := condition(clause)
		switch {
		case e.sql != "":
			parts = append(parts, e)
		case keyword == "or":
			return expression{}
		}
	}
	switch {
	case len(parts) == 0:
		return expression{}
	case keyword == "or":
		return either(parts...)
	}
	return all(parts...)
}

func single(v any) (name string, value any, ok bool) {
	o, _ := v.(map[string]any)
	for name, value = range o {
	}
	return name, value, len(o) == 1
}

// onField returns what holds for the field, wherever it can be: "a.b" is a member of that name, or one of a member.
func onField(field string, on func(names ...string) expression) expression {
	if field == "" || strings.HasPrefix(field, "_") || strings.ContainsFunc(field, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' || r >= 0x7f }) {
		return expression{}
	}
	names := strings.Split(field, ".")
	switch {
	case slices.Contains(names, "") || len(names) > 2:
		return expression{}
	case len(names) == 1:
		return on(field)
	}
	whole, inner := on(field), on(names...)
	if whole.sql == "" || inner.sql == "" {
		return expression{}
	}
	return either(whole, inner)
}

func exists(names ...string) expression {
	return expression{"content #> \x00::text[] IS NOT NULL", []any{names}}
}

// equal is what the index on content finds.
func equal(field string, want any) expression {
	if text, ok := want.(string); ok && strings.ContainsAny(text, "\x00\ufffd") {
		return expression{} // what stands for them in content stands for others too
	}
	if id, ok := want.(string); ok && field == "_id" {
		return expression{"id = \x00::text", []any{id}}
	}
	switch n := want.(type) {
	case nil, bool, string:
	case json.Number:
		want = json.Number(number(n))
	default:
		return expression{}
	}
	return onField(field, func(names ...string) expression {
		part := want
		for _, name := range slices.Backward(names) {
			part = map[string]any{name: part}
		}
		raw, err := json.Marshal(part)
		if err != nil {
			return expression{}
		}
		return expression{"content @> \x00::jsonb", []any{string(raw)}}
	})
}

func between(field string, limits any) expression {
	bounds, _ := limits.(map[string]any)
	operators := map[string]string{"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
	return onField(field, func(names ...string) expression {
		path := `$."` + strings.Join(names, `"."`) + `"`
		var parts []string
		for name, bound := range bounds {
			if n, ok := bound.(json.Number); ok && operators[name] != "" {
				parts = append(parts, path+" "+operators[name]+" "+number(n))
			}
		}
		if len(parts) == 0 {
			return expression{}
		}
		slices.Sort(parts)
		return expression{"content @@ \x00::jsonpath", []any{strings.Join(parts, " && ")}}
	})
}
