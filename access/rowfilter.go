package access

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"

	"tidings/protocol"
)

// errRowFilters refuses what nothing enforces yet: a lock that is not there is worse than none.
var errRowFilters = errors.New("Filter: no part of the server enforces the filter of a rule yet; leave it out, and give each tenant channels of its own, such as crm/{tenant}/**")

// nothing is the filter of an identity that lacks what a row filter asks for.
const nothing = `{"nothing":true}`

// rowFilter is the filter of a rule, with placeholders for what is known of a client.
type rowFilter struct {
	template any      // of encoding/json, with json.Number
	names    []string // of its placeholders
}

// placeholder matches a text that is one, loosePlaceholder one that has one.
var (
	placeholder      = regexp.MustCompile(`^\{([A-Za-z_][\w.-]*)\}$`)
	loosePlaceholder = regexp.MustCompile(`\{[A-Za-z_][\w.-]*\}`)
)

// readRowFilter reads the filter of a rule: a JSON object. A placeholder is a text of its own and stands for a value of
// "equals", an element of "in" or "ids", or the whole list of "in" or "ids". It is refused anywhere else: there a claim
// could be read as more than a value, such as an expression or the name of a field. Whether the rest is a filter is up
// to whoever compiles it.
func readRowFilter(text string) (*rowFilter, error) {
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	f := &rowFilter{}
	if err := d.Decode(&f.template); err != nil {
		return nil, fmt.Errorf("Filter: it is not JSON: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("Filter: something follows the JSON object")
	}
	if _, ok := f.template.(map[string]any); !ok {
		return nil, errors.New("Filter: it is not a JSON object")
	}
	return f, f.check(f.template, clause)
}

// where says what a placeholder may stand for at a place of a filter.
type where uint8

const (
	nowhere where = iota
	clause        // an object with one keyword, or a list of such
	ofBool        // the parts of a "bool"
	values        // an object with a value for each field
	lists         // an object with a list for each field
	asValue       // for a value
	asList        // for a list, and within one for its elements
)

// keywords is what the clauses hold in which placeholders can stand. In the others none can.
var keywords = map[string]where{"and": clause, "or": clause, "not": clause, "bool": ofBool, "equals": values, "in": lists, "ids": lists}

// within returns what a placeholder may stand for in the elements of a list.
func (w where) within() where {
	switch w {
	case clause:
		return clause
	case asList:
		return asValue
	}
	return nowhere
}

// below returns what a placeholder may stand for at a member of an object.
func (w where) below(name string) where {
	switch w {
	case clause:
		return keywords[name]
	case ofBool:
		return clause
	case values:
		return asValue
	case lists:
		return asList
	}
	return nowhere
}

func (f *rowFilter) check(v any, at where) error {
	switch v := v.(type) {
	case string:
		m := placeholder.FindStringSubmatch(v)
		switch {
		case m != nil && (at == asValue || at == asList):
			if !slices.Contains(f.names, m[1]) {
				f.names = append(f.names, m[1])
			}
		case loosePlaceholder.MatchString(v):
			return fmt.Errorf("Filter: %q has a placeholder where none can be; it stands alone, as a value of equals, in or ids", v)
		}
	case []any:
		for _, part := range v {
			if err := f.check(part, at.within()); err != nil {
				return err
			}
		}
	case map[string]any:
		for name, part := range v {
			if loosePlaceholder.MatchString(name) {
				return fmt.Errorf("Filter: the name %q has a placeholder; only values can have one", name)
			}
			if err := f.check(part, at.below(name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// fill returns the filter for an identity, as JSON. A claim that is missing, or has several values where one must stand,
// makes it the filter that matches nothing, wherever the placeholder stands: below "not" as well.
func (f *rowFilter) fill(id Identity) []byte {
	filled, ok := f.filled(f.template, clause, id)
	if !ok {
		return []byte(nothing)
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if e.Encode(filled) != nil { // cannot be: it was decoded from JSON
		return []byte(nothing)
	}
	return bytes.TrimSpace(out.Bytes())
}

func (f *rowFilter) filled(v any, at where, id Identity) (filled any, ok bool) {
	switch v := v.(type) {
	case string:
		m := placeholder.FindStringSubmatch(v)
		if m == nil {
			return v, true
		}
		known := id.values(m[1])
		switch {
		case len(known) == 0, m[1] == UserPlaceholder && id.Anonymous():
			return nil, false
		case at == asList:
			return known, true
		}
		return known[0], len(known) == 1
	case []any:
		list := make([]any, len(v))
		for i, part := range v {
			if list[i], ok = f.filled(part, at.within(), id); !ok {
				return nil, false
			}
		}
		return list, true
	case map[string]any:
		o := make(map[string]any, len(v))
		for name, part := range v {
			if o[name], ok = f.filled(part, at.below(name), id); !ok {
				return nil, false
			}
		}
		return o, true
	}
	return v, true
}

// RowFilter returns which messages of ch its rule lets id hear and read: a filter as JSON, in the language of
// docs/filters.md. It returns nil if the rule has none. Whether id may hear the channel at all is up to MaySubscribe.
func (p *Policy) RowFilter(id Identity, ch protocol.Channel) []byte {
	if r := p.find(ch); r.rows != nil {
		return r.rows.fill(id)
	}
	return nil
}
