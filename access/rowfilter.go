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

// nothing is the filter of an identity that lacks what a row filter asks for, and hears nothing.
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
		return nil, fmt.Errorf("it is not JSON: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("something follows the JSON object")
	}
	if _, ok := f.template.(map[string]any); !ok {
		return nil, errors.New("it is not a JSON object")
	}
	return f, f.check(f.template, clause)
}

// where is what a placeholder may stand for at a place of a filter.
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
			return fmt.Errorf("%q has a placeholder where none can be; it stands alone, as a value of equals, in or ids", v)
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
				return fmt.Errorf("the name %q has a placeholder; only values can have one", name)
			}
			if err := f.check(part, at.below(name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// fill returns the filter for an identity, as JSON. If a claim is missing, or has several values where one must stand,
// it is the filter that matches nothing, wherever the placeholder stands: below "not" as well. lacks is what is wrong
// with the claim then, else "".
func (f *rowFilter) fill(id Identity) (raw []byte, lacks string) {
	filled, lacks := f.filled(f.template, clause, id.rowValues)
	if lacks == "" {
		if raw = compact(filled); raw != nil {
			return raw, ""
		}
		lacks = "something that is no JSON" // cannot be: it was decoded from JSON
	}
	return []byte(nothing), lacks
}

// rowValues returns what id has for a placeholder of a row filter. An anonymous client has no user.
func (id Identity) rowValues(name string) []string {
	if name == UserPlaceholder && id.Anonymous() {
		return nil
	}
	return id.values(name)
}

// compact returns v as JSON, and nil if that cannot be.
func compact(v any) []byte {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil {
		return nil
	}
	return bytes.TrimSpace(out.Bytes())
}

// filled returns v with the values of known in the place of its placeholders, or what it lacks for that.
func (f *rowFilter) filled(v any, at where, known func(name string) []string) (filled any, lacks string) {
	switch v := v.(type) {
	case string:
		m := placeholder.FindStringSubmatch(v)
		if m == nil {
			return v, ""
		}
		values := known(m[1])
		switch {
		case len(values) == 0:
			return nil, "no " + m[0]
		case at == asList:
			return values, ""
		case len(values) > 1:
			return nil, "several values of " + m[0] + ", and the filter takes one"
		}
		return values[0], ""
	case []any:
		list := make([]any, len(v))
		for i, part := range v {
			if list[i], lacks = f.filled(part, at.within(), known); lacks != "" {
				return nil, lacks
			}
		}
		return list, ""
	case map[string]any:
		o := make(map[string]any, len(v))
		for name, part := range v {
			if o[name], lacks = f.filled(part, at.below(name), known); lacks != "" {
				return nil, lacks
			}
		}
		return o, ""
	}
	return v, ""
}

// RowFilter returns which messages of ch its rule lets id hear and read: a filter as JSON, in the language of
// docs/filters.md. It returns nil if the rule has none. Whether id may hear the channel at all is up to MaySubscribe.
// It fails with CodeForbidden if id lacks a claim that the filter names; the filter that it returns then matches
// nothing.
func (p *Policy) RowFilter(id Identity, ch protocol.Channel) ([]byte, *protocol.Error) {
	r := p.find(ch)
	if r.rows == nil {
		return nil, nil
	}
	raw, lacks := r.rows.fill(id)
	if lacks == "" {
		return raw, nil
	}
	return raw, &protocol.Error{
		Code:   protocol.CodeForbidden,
		Reason: "the rule of this channel lets a client hear only its own messages, and this client has " + lacks,
		Hint:   "Connect with a token that has the claim; tidings explain shows what the rule asks for.",
	}
}

// HasRowFilters reports whether a rule has a filter.
func (p *Policy) HasRowFilters() bool { return p.rows }

// SampleFilter returns the filter of a rule as an identity gets it that has a text for each placeholder, so that
// whoever knows the language can check it. It fails if the text is no JSON object, or a placeholder stands where none
// can.
func SampleFilter(text string) ([]byte, error) {
	f, err := readRowFilter(text)
	if err != nil {
		return nil, err
	}
	filled, _ := f.filled(f.template, clause, func(string) []string { return []string{"x"} })
	return compact(filled), nil
}
