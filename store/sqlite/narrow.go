package sqlite

import (
	"encoding/json"
	"math"
	"strings"

	"tidings/store/sqlstore"
)

var _ sqlstore.Dialect = indexes{}

// extract returns the value at a path of names, NULL if it is not there.
func (x indexes) extract(path ...string) sqlstore.Expression { return x.value(jsonPath(path)) }

func jsonPath(names []string) string { return `$."` + strings.Join(names, `"."`) + `"` }

// ID implements sqlstore.Dialect.
func (x indexes) ID(id string) sqlstore.Expression {
	return sqlstore.Expression{SQL: "id = ?", Args: []any{id}}
}

// Exists implements sqlstore.Dialect.
func (x indexes) Exists(path []string) sqlstore.Expression {
	return sqlstore.Expression{SQL: "json_type(content, ?) IS NOT NULL", Args: []any{jsonPath(path)}}
}

// Equal implements sqlstore.Dialect.
func (x indexes) Equal(path []string, want any) sqlstore.Expression {
	switch want := want.(type) {
	case nil:
		return x.extract(path...).With(" IS NULL")
	case bool, string:
		return x.extract(path...).With(" = ?", want)
	case json.Number:
		v, err := want.Float64()
		if err == nil {
			low, high := around(v)
			return x.number(jsonPath(path)).With(" BETWEEN ? AND ?", low, high)
		}
	}
	return sqlstore.Expression{}
}

// around returns bounds that a number is within however it is rounded.
func around(v float64) (low, high float64) {
	slack := math.Abs(v)*1e-12 + math.SmallestNonzeroFloat64
	return v - slack, v + slack
}

// Between implements sqlstore.Dialect.
func (x indexes) Between(path []string, bounds map[string]json.Number) sqlstore.Expression {
	var parts []sqlstore.Expression
	for name, bound := range bounds {
		v, err := bound.Float64()
		if err != nil {
			continue
		}
		low, high := around(v)
		if name[0] == 'g' {
			parts = append(parts, x.number(jsonPath(path)).With(" >= ?", low))
		} else {
			parts = append(parts, x.number(jsonPath(path)).With(" <= ?", high))
		}
	}
	if len(parts) == 0 {
		return sqlstore.Expression{}
	}
	return sqlstore.All(parts...)
}
