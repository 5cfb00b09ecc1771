package postgres

import (
	"strings"

	"tidings/store"
	"tidings/store/sqlstore"
)

// sortKey is one field of a sort. Its parts are never NULL, so that pages are compared part by part.
type sortKey struct {
	parts []sqlstore.Expression
	down  bool
	kind  int

	rank   int16 // 0: missing or null, 1: a number, 2: a text
	number float64
	text   string
}

// Kinds of sort keys: which parts they have.
const (
	ofContent = iota // rank, number, text
	ofUser           // rank, text
	ofNumber         // number
	ofID             // text
)

func sortKeys(sort []store.Order) []sortKey {
	keys := make([]sortKey, len(sort))
	for i, o := range sort {
		keys[i] = sortKeyOf(o.Field)
		keys[i].down = o.Down
	}
	return keys
}

func sortKeyOf(field string) sortKey {
	user := func(column string) sortKey {
		return sortKey{kind: ofUser, parts: []sqlstore.Expression{{SQL: "(CASE WHEN " + column + " = '' THEN 0 ELSE 2 END)::smallint"}, {SQL: column + ` COLLATE "C"`}}}
	}
	column := func(name string) sortKey {
		return sortKey{kind: ofNumber, parts: []sqlstore.Expression{{SQL: name + "::float8"}}}
	}
	switch field {
	case "_id":
		return sortKey{kind: ofID, parts: []sqlstore.Expression{{SQL: "id"}}}
	case "_version":
		return column("version")
	case "_info.author":
		return user("author")
	case "_info.updater":
		return user("updater")
	case "_info.createdAt":
		return column("created")
	case "_info.updatedAt":
		return column("updated")
	}
	// The path is bound once for each time it stands in the statement.
	at := func(sql string) sqlstore.Expression {
		sql = strings.ReplaceAll(sql, "@", "(content #> \x00::text[])")
		e := sqlstore.Expression{SQL: sql}
		for range strings.Count(sql, "\x00") {
			e.Args = append(e.Args, strings.Split(plain(field), "."))
		}
		return e
	}
	return sortKey{kind: ofContent, parts: []sqlstore.Expression{
		at("(CASE jsonb_typeof(@) WHEN 'number' THEN 1 WHEN 'boolean' THEN 1 WHEN 'string' THEN 2 WHEN 'object' THEN 2 WHEN 'array' THEN 2 ELSE 0 END)::smallint"),
		at("(CASE jsonb_typeof(@) WHEN 'number' THEN least(greatest(@::numeric, -1.7976931348623157e308), 1.7976931348623157e308)::float8 WHEN 'boolean' THEN @::bool::int::float8 ELSE 0 END)"),
		at(`(CASE jsonb_typeof(@) WHEN 'string' THEN @ #>> '{}' WHEN 'object' THEN @::text WHEN 'array' THEN @::text ELSE '' END) COLLATE "C"`),
	}}
}

func (k *sortKey) direction() string {
	if k.down {
		return " DESC"
	}
	return ""
}

// into returns where the parts are scanned to.
func (k *sortKey) into() []any {
	switch k.kind {
	case ofContent:
		return []any{&k.rank, &k.number, &k.text}
	case ofUser:
		return []any{&k.rank, &k.text}
	case ofNumber:
		return []any{&k.number}
	}
	return []any{&k.text}
}

// value returns what was scanned as a cursor has it.
func (k *sortKey) value() any {
	switch {
	case k.kind == ofNumber || k.kind == ofContent && k.rank == 1:
		return k.number
	case k.kind == ofID || k.rank == 2:
		return k.text
	}
	return nil
}

// parted returns the parts of a cursor's value, which a caller may have made up.
func (k *sortKey) parted(value any) []any {
	var rank int16
	var number float64
	var text string
	switch v := value.(type) {
	case int64:
		rank, number = 1, float64(v)
	case float64:
		rank, number = 1, v
	case string:
		rank, text = 2, plain(v)
	}
	switch k.kind {
	case ofContent:
		return []any{rank, number, text}
	case ofUser:
		return []any{rank, text}
	case ofNumber:
		return []any{number}
	}
	return []any{text}
}

// behind returns the condition that a row comes after the cursor: it differs first in one part, where it is behind, or
// in the id.
func behind(keys []sortKey, cursor *store.Cursor) sqlstore.Expression {
	if cursor == nil {
		return sqlstore.Expression{}
	}
	last := sqlstore.Expression{SQL: "id > \x00::text", Args: []any{plain(cursor.ID)}}
	for i := len(keys) - 1; i >= 0; i-- {
		values := keys[i].parted(cursor.Values[i])
		for j := len(values) - 1; j >= 0; j-- {
			part, beyond := keys[i].parts[j], " > \x00"
			if keys[i].down {
				beyond = " < \x00"
			}
			value := sqlstore.Expression{Args: []any{values[j]}}
			last = sqlstore.Either(part.And(beyond, value), sqlstore.All(part.And(" = \x00", value), last))
		}
	}
	return last
}
