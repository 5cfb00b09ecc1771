package postgres

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"tidings/store/sqlstore"
)

// numbered returns the statement as PostgreSQL reads it. The marks of an expression are NULs: no name in PostgreSQL has
// one.
func numbered(e sqlstore.Expression) (string, []any) {
	var b strings.Builder
	for i, part := range strings.Split(e.SQL, "\x00") {
		if i > 0 {
			fmt.Fprintf(&b, "$%d", i)
		}
		b.WriteString(part)
	}
	return b.String(), e.Args
}

// dialect writes conditions of filters with the operators that the index on content serves.
type dialect struct{}

var _ sqlstore.Dialect = dialect{}

// ID implements sqlstore.Dialect.
func (dialect) ID(id string) sqlstore.Expression {
	return sqlstore.Expression{SQL: "id = \x00::text", Args: []any{id}}
}

// Exists implements sqlstore.Dialect.
func (dialect) Exists(path []string) sqlstore.Expression {
	return sqlstore.Expression{SQL: "content #> \x00::text[] IS NOT NULL", Args: []any{path}}
}

// Equal implements sqlstore.Dialect.
func (dialect) Equal(path []string, want any) sqlstore.Expression {
	if n, ok := want.(json.Number); ok {
		want = json.Number(number(n))
	}
	for _, name := range slices.Backward(path) {
		want = map[string]any{name: want}
	}
	raw, err := json.Marshal(want)
	if err != nil {
		return sqlstore.Expression{}
	}
	return sqlstore.Expression{SQL: "content @> \x00::jsonb", Args: []any{string(raw)}}
}

var operators = map[string]string{"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}

// Between implements sqlstore.Dialect.
func (dialect) Between(path []string, bounds map[string]json.Number) sqlstore.Expression {
	at := `$."` + strings.Join(path, `"."`) + `"`
	var parts []string
	for name, bound := range bounds {
		parts = append(parts, at+" "+operators[name]+" "+number(bound))
	}
	slices.Sort(parts)
	return sqlstore.Expression{SQL: "content @@ \x00::jsonpath", Args: []any{strings.Join(parts, " && ")}}
}
