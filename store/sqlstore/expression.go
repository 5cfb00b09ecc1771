package sqlstore

import (
	"slices"
	"strings"
)

// Expression is a part of a statement with the values that are bound in it, in the order of their marks. No text of a
// caller's is ever in SQL.
type Expression struct {
	SQL  string // "" is a condition that always holds
	Args []any
}

// And returns the expression with another one behind it.
func (e Expression) And(by string, more Expression) Expression {
	return e.With(by+more.SQL, more.Args...)
}

// With returns the expression with a text behind it, and the values of the text's marks.
func (e Expression) With(text string, values ...any) Expression {
	return Expression{e.SQL + text, append(slices.Clone(e.Args), values...)}
}

// All returns the condition that each of the parts holds.
func All(parts ...Expression) Expression { return joined(" AND ", parts) }

// Either returns the condition that one of the parts holds.
func Either(parts ...Expression) Expression { return joined(" OR ", parts) }

func joined(by string, parts []Expression) (e Expression) {
	texts := make([]string, len(parts))
	for i, p := range parts {
		texts[i] = p.SQL
		e.Args = append(e.Args, p.Args...)
	}
	e.SQL = "(" + strings.Join(texts, by) + ")"
	return e
}
