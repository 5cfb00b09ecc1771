package sqlstore

import (
	"encoding/json"
	"slices"
	"strings"

	"tidings/filter"
)

// Dialect writes single conditions of a filter in the SQL of one database. What it would say in another way than the
// filter does it leaves out: then it returns the zero Expression. A field is named by its path: of "a.b", which may be
// a member of that name or one of the member a, both are asked for.
type Dialect interface {
	ID(id string) Expression
	Exists(path []string) Expression
	Equal(path []string, value any) Expression                       // nil, a bool, a string, or a json.Number
	Between(path []string, bounds map[string]json.Number) Expression // by gt, gte, lt and lte; one at least
}

// Narrow returns a condition that holds for each row that the filter matches, and may hold for others too.
func Narrow(f *filter.Filter, in Dialect) Expression {
	var tree map[string]any
	d := json.NewDecoder(strings.NewReader(f.JSON()))
	d.UseNumber()
	if d.Decode(&tree) != nil {
		return Expression{}
	}
	return condition(tree, in)
}

func condition(clause any, in Dialect) Expression {
	keyword, v, _ := single(clause)
	switch keyword {
	case "nothing":
		return Expression{SQL: "false"}
	case "and", "or":
		parts, _ := v.([]any)
		return combined(keyword, parts, in)
	case "exists":
		field, _ := v.(string)
		return onField(field, in.Exists)
	case "equals":
		if field, value, ok := single(v); ok {
			return equal(field, value, in)
		}
	case "range":
		if field, value, ok := single(v); ok {
			return between(field, value, in)
		}
	}
	return Expression{}
}

func single(v any) (name string, value any, ok bool) {
	o, _ := v.(map[string]any)
	for name, value = range o {
	}
	return name, value, len(o) == 1
}

func combined(keyword string, clauses []any, in Dialect) Expression {
	var parts []Expression
	for _, clause := range clauses {
		e := condition(clause, in)
		switch {
		case e.SQL != "":
			parts = append(parts, e)
		case keyword == "or":
			return Expression{}
		}
	}
	switch {
	case len(parts) == 0:
		return Expression{}
	case keyword == "or":
		return Either(parts...)
	}
	return All(parts...)
}

// onField returns what holds for the field, wherever it can be.
func onField(field string, on func(path []string) Expression) Expression {
	if field == "" || strings.HasPrefix(field, "_") || strings.ContainsFunc(field, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' || r >= 0x7f }) {
		return Expression{}
	}
	path := strings.Split(field, ".")
	switch {
	case slices.Contains(path, "") || len(path) > 2:
		return Expression{}
	case len(path) == 1:
		return on(path)
	}
	whole, inner := on([]string{field}), on(path)
	if whole.SQL == "" || inner.SQL == "" {
		return Expression{}
	}
	return Either(whole, inner)
}

// equal leaves out texts with a NUL or U+FFFD: databases end a text at a NUL or refuse it, and read half a character in
// ways of their own.
func equal(field string, value any, in Dialect) Expression {
	text, isText := value.(string)
	switch {
	case isText && strings.ContainsAny(text, "\x00\ufffd"):
		return Expression{}
	case isText && field == "_id":
		return in.ID(text)
	}
	return onField(field, func(path []string) Expression { return in.Equal(path, value) })
}

func between(field string, limits any, in Dialect) Expression {
	given, _ := limits.(map[string]any)
	bounds := map[string]json.Number{}
	for _, name := range []string{"gt", "gte", "lt", "lte"} {
		if n, ok := given[name].(json.Number); ok {
			bounds[name] = n
		}
	}
	if len(bounds) == 0 {
		return Expression{}
	}
	return onField(field, func(path []string) Expression { return in.Between(path, bounds) })
}
