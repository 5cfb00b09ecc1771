package postgres

import (
	"fmt"
	"strings"
)

// expression is a part of a statement with the values that are bound in it, each where sql has a NUL: no name in
// PostgreSQL has one. No text of a caller's is ever in sql.
type expression struct {
	sql  string // "" is a condition that always holds
	args []any
}

// and returns the expression with another one behind it.
func (e expression) and(by string, more expression) expression {
	return expression{e.sql + by + more.sql, append(append([]any(nil), e.args...), more.args...)}
}

// numbered returns the statement as PostgreSQL reads it.
func (e expression) numbered() (string, []any) {
	var b strings.Builder
	for i, part := range strings.Split(e.sql, "\x00") {
		if i > 0 {
			fmt.Fprintf(&b, "$%d", i)
		}
		b.WriteString(part)
	}
	return b.String(), e.args
}

func all(parts ...expression) expression { return joined(" AND ", parts) }

func either(parts ...expression) expression { return joined(" OR ", parts) }

func joined(by string, parts []expression) expression {
	e := expression{sql: "("}
	for i, p := range parts {
		if i == 0 {
			e = e.and("", p)
		} else {
			e = e.and(by, p)
		}
	}
	e.sql += ")"
	return e
}
