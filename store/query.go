package store

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"tidings/filter"
	"tidings/protocol"
)

// Query asks for documents of a collection.
type Query struct {
	Filter *filter.Filter // nil: all
	Sort   []Order        // at most MaxSort; then by id, which is the order of no Sort
	Limit  int            // documents of the page, 1 to MaxLimit; 0: DefaultLimit
	After  string         // Page.Next of the page before
	Count  bool           // count all matches
	// MaxBytes of documents, after which the page takes no more; 0, or more than MaxPageBytes: MaxPageBytes.
	MaxBytes int
}

// Order is one field of a sort. Missing values and null come first, then numbers (false is 0, true 1), then texts by
// their bytes, and objects and arrays among the texts as their JSON is. Descending is the other way round.
type Order struct {
	Field string // such as "driver.name": a member of a member; "_id", "_version" and "_info.…" as well
	Down  bool
}

// Cursor is where a page ended: the values of the sort's fields, and the id.
type Cursor struct {
	Values []any  `json:"v"` // of SQL: int64, float64, string or nil
	ID     string `json:"i"`
	Query  string `json:"q"`
}

// Check fills in what is left out, and returns the cursor, nil for none. It fails with CodeBadRequest, or with
// CodeBadCursor for what Encode did not make for this query.
func (q *Query) Check(c Collection) (*Cursor, error) {
	if q.Filter == nil {
		q.Filter = filter.Everything()
	}
	if q.Limit == 0 {
		q.Limit = DefaultLimit
	}
	if q.Limit < 0 || q.Limit > MaxLimit {
		return nil, bad("a page has 1 to 256 documents", "Leave the limit out for 100.")
	}
	if q.MaxBytes <= 0 || q.MaxBytes > MaxPageBytes {
		q.MaxBytes = MaxPageBytes
	}
	if len(q.Sort) > MaxSort {
		return nil, bad("a sort has at most 4 fields", "Sort by fewer.")
	}
	for i, o := range q.Sort {
		if !goodField(o.Field) || slices.ContainsFunc(q.Sort[:i], func(p Order) bool { return p.Field == o.Field }) {
			return nil, bad("a sort names a field that is empty, longer than 128 bytes, has a quote, a backslash or control characters, or is named twice", `Name each field once, as "driver.name".`)
		}
	}
	if q.After == "" {
		return nil, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(q.After)
	cursor := &Cursor{}
	if err == nil {
		err = decodeCursor(raw, cursor)
	}
	if err != nil || cursor.Query != q.name(c) || len(cursor.Values) != len(q.Sort) {
		return nil, &protocol.Error{Code: protocol.CodeBadCursor, Reason: "the cursor is not one of this search", Hint: "Repeat collection, filter and sort as they were, or begin without a cursor."}
	}
	return cursor, nil
}

func goodField(f string) bool {
	return f != "" && len(f) <= 128 && !strings.Contains(f, "..") && f[0] != '.' && f[len(f)-1] != '.' && !strings.ContainsFunc(f, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' || r == 0x7f })
}

// decodeCursor keeps integers that are above 2^53 as they are.
func decodeCursor(raw []byte, c *Cursor) error {
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	if err := d.Decode(c); err != nil {
		return err
	}
	for i, v := range c.Values {
		switch v := v.(type) {
		case nil, string:
		case json.Number:
			if n, err := v.Int64(); err == nil {
				c.Values[i] = n
			} else if f, err := v.Float64(); err == nil {
				c.Values[i] = f
			} else {
				return err
			}
		default:
			return fmt.Errorf("%T in a cursor", v)
		}
	}
	return nil
}

// name is the same for all pages of one search.
func (q *Query) name(c Collection) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %v", c, q.Filter.JSON(), q.Sort))
	return base64.RawURLEncoding.EncodeToString(sum[:6])
}

// Encode returns the cursor behind a document of a checked query.
func (q *Query) Encode(c Collection, values []any, id string) (string, error) {
	raw, err := json.Marshal(Cursor{Values: append([]any{}, values...), ID: id, Query: q.name(c)})
	if err != nil {
		return "", err // a number that JSON does not have
	}
	return base64.RawURLEncoding.EncodeToString(raw), nil
}
