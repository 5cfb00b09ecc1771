package sqlite

import (
	"encoding/json"
	"math"
	"slices"
	"strings"

	"tidings/filter"
)

// expression is a part of a statement with the values that are bound in it. No text of a caller's is ever in sql.
type expression struct {
	sql  string // "" is a condition that always holds
	args []any
}

// is returns the condition that e compares with values as the operator says.
func (e expression) is(operator string, values ...any) expression {
	return expression{e.sql + " " + operator, with(e.args, values...)}
}

func with(args []any, more ...any) []any { return append(slices.Clone(args), more...) }

func all(parts ...expression) expression { return joined(" AND ", parts) }

func either(parts ...expression) expression { return joined(" OR ", parts) }

func joined(by string, parts []expression) (e expression) {
	texts := make([]string, len(parts))
	for i, p := range parts {
		texts[i] = p.sql
		e.args = append(e.args, p.args...)
	}
	e.sql = "(" + strings.Join(texts, by) + ")"
	return e
}

// extract returns the value at a path of names, NULL if it is not there.
func (x indexes) extract(names ...string) expression { return x.value(jsonPath(names)) }

func jsonPath(names []string) string { return `$."` + strings.Join(names, `"."`) + `"` }

// narrow returns a condition that holds for each row that the filter matches, and for others too: what SQL says in
// another way than the filter does is left out.
func (x indexes) narrow(f *filter.Filter) expression {
	var tree map[string]any
	d := json.NewDecoder(strings.NewReader(f.JSON()))
	d.UseNumber()
	if d.Decode(&tree) != nil {
		return expression{}
	}
	return x.condition(tree)
}

func (x indexes) condition(clause any) expression {
	tree, _ := clause.(map[string]any)
	if len(tree) != 1 {
		return expression{}
	}
	for keyword, v := range tree {
		switch keyword {
		case "nothing":
			return expression{sql: "0"}
		case "and", "or":
			parts, _ := v.([]any)
			return x.combined(keyword, parts)
		case "exists":
			field, _ := v.(string)
			return onField(field, func(path string) expression {
				return expression{"json_type(content, ?) IS NOT NULL", []any{path}}
			})
		case "equals":
			if field, value, ok := single(v); ok {
				return x.equal(field, value)
			}
		case "range":
			if field, value, ok := single(v); ok {
				return x.between(field, value)
			}
		}
	}
	return expression{}
}

func (x indexes) combined(keyword string, clauses []any) expression {
	var parts []expression
	for _, clause := range clauses {
		e := x.condition(clause)
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
func onField(field string, on func(path string) expression) expression {
	if field == "" || strings.HasPrefix(field, "_") || strings.ContainsFunc(field, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' || r >= 0x7f }) {
		return expression{}
	}
	names := strings.Split(field, ".")
	switch {
	case slices.Contains(names, "") || len(names) > 2:
		return expression{}
	case len(names) == 1:
		return on(jsonPath(names))
	}
	whole, inner := on(jsonPath([]string{field})), on(jsonPath(names))
	if whole.sql == "" || inner.sql == "" {
		return expression{}
	}
	return either(whole, inner)
}

func (x indexes) equal(field string, want any) expression {
	if text, ok := want.(string); ok && strings.ContainsAny(text, "\x00\ufffd") {
		return expression{} // SQLite ends a text at a NUL, and reads half a character in another way
	}
	if id, ok := want.(string); ok && field == "_id" {
		return expression{"id = ?", []any{id}}
	}
	return onField(field, func(path string) expression {
		switch want := want.(type) {
		case nil:
			return x.value(path).is("IS NULL")
		case bool:
			return x.value(path).is("= ?", want)
		case string:
			return x.value(path).is("= ?", want)
		case json.Number:
			v, err := want.Float64()
			if err == nil {
				low, high := around(v)
				return x.number(path).is("BETWEEN ? AND ?", low, high)
			}
		}
		return expression{}
	})
}

// around returns bounds that a number is within however it is rounded.
func around(v float64) (low, high float64) {
	slack := math.Abs(v)*1e-12 + math.SmallestNonzeroFloat64
	return v - slack, v + slack
}

func (x indexes) between(field string, limits any) expression {
	bounds, _ := limits.(map[string]any)
	return onField(field, func(path string) expression {
		var parts []expression
		for name, bound := range bounds {
			n, _ := bound.(json.Number)
			v, err := n.Float64()
			if err != nil || len(name) < 2 {
				continue
			}
			low, high := around(v)
			if name[0] == 'g' {
				parts = append(parts, x.number(path).is(">= ?", low))
			} else {
				parts = append(parts, x.number(path).is("<= ?", high))
			}
		}
		if len(parts) == 0 {
			return expression{}
		}
		return all(parts...)
	})
}
