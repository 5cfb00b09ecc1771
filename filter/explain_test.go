package filter

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

func TestExplain(t *testing.T) {
	long := `{"a": "` + strings.Repeat("x", MaxFoundBytes) + `"}`
	for _, tt := range []struct{ name, filter, document, want string }{
		{"one condition that holds", `{"equals": {"a": 1}}`, `{"a": 1}`, `true:  a equals 1, found number 1: true`},
		{"another type", `{"equals": {"a": 1}}`, `{"a": "1"}`, `false:  a equals 1, found string "1": false`},
		{"a missing field", `{"range": {"a": {"gte": 4}}}`, `{}`, `false:  a range {"gte":4}, found missing : false`},
		{"null is a value", `{"exists": "a"}`, `{"a": null}`, `true:  a exists "a", found null null: true`},
		{"a path", `{"equals": {"a.b": true}}`, `{"a": {"b": true}}`, `true:  a.b equals true, found boolean true: true`},
		{"a negation", `{"not": {"equals": {"a": 1}}}`, `{"a": 1}`, `false:  a not equals 1, found number 1: false`},
		{"the first of an and that fails", `{"and": [{"exists": "a"}, {"exists": "b"}, {"exists": "c"}]}`, `{"a": 1}`, `false: /and/1 b exists "b", found missing : false`},
		{"all of an and that holds", `{"and": [{"exists": "a"}, {"exists": "b"}]}`, `{"a": {}, "b": []}`, `true: /and/0 a exists "a", found object {}: true; /and/1 b exists "b", found array []: true`},
		{"the first of an or that holds", `{"or": [{"exists": "a"}, {"exists": "b"}, {"exists": "c"}]}`, `{"b": 1, "c": 1}`, `true: /or/1 b exists "b", found number 1: true`},
		{"an or in an and", `{"and": [{"exists": "a"}, {"or": [{"exists": "b"}, {"exists": "c"}]}]}`, `{"a": 1}`, `false: /and/1/or/0 b exists "b", found missing : false; /and/1/or/1 c exists "c", found missing : false`},
		{"a value that is too long", `{"exists": "a"}`, long, `true:  a exists "a", found string : true`},
		{"everything", `{}`, `{"a": 1}`, `true:`},
		{"nothing", `{"and": [{"exists": "a"}, {"missing": "a"}]}`, `{"a": 1}`, `false:`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, err := Parse([]byte(tt.filter))
			if err != nil {
				t.Fatal(err)
			}
			d, err := Read([]byte(tt.document))
			if err != nil {
				t.Fatal(err)
			}
			if got := f.Explain(d).text(); got != tt.want {
				t.Errorf("%s on %s:\ngot  %s\nwant %s", tt.filter, tt.document, got, tt.want)
			}
		})
	}
}

func (e Explanation) text() string {
	var list []string
	for _, c := range e.Conditions {
		not := ""
		if c.Not {
			not = "not "
		}
		list = append(list, fmt.Sprintf("%s %s %s%s %s, found %s %s: %v", c.Path, c.Field, not, c.Operator, c.Wanted, c.Type, c.Found, c.Holds))
	}
	return strings.TrimSpace(fmt.Sprintf("%v: %s", e.Matches, strings.Join(list, "; ")))
}

// Each condition that decided came out as the filter did, stands at its path in the canonical form, and comes out so by
// itself.
func TestExplainRandomFilters(t *testing.T) {
	g := newGenerator(seedOf(t))
	decided := 0
	for range 5_000 {
		source := g.document()
		in := raw(g.filter([]obj{source}))
		f, err := Parse(in)
		if err != nil {
			continue
		}
		d, _ := Read(raw(source))
		e := f.Explain(d)
		if e.Matches != f.Match(d) {
			t.Fatalf("%s on %s: got %v", in, raw(source), e.Matches)
		}
		for _, c := range e.Conditions {
			part, err := Parse(pointed(t, f.JSON(), c.Path))
			if err != nil {
				t.Fatalf("%s at %q: %v", f.JSON(), c.Path, err)
			}
			if part.root.op != opLeaf || part.Match(d) != e.Matches || c.Holds != e.Matches {
				t.Errorf("%s on %s: %v, of which %s decides %v", f.JSON(), raw(source), e.Matches, part.JSON(), c.Holds)
			}
			decided++
		}
	}
	if decided < 5_000 {
		t.Errorf("only %d conditions decided", decided)
	}
}

// pointed returns what stands at a JSON pointer.
func pointed(t *testing.T, text, pointer string) []byte {
	t.Helper()
	v, ok := readJSON([]byte(text))
	for _, name := range strings.Split(pointer, "/")[1:] {
		switch parent := v.(type) {
		case *object:
			v, ok = parent.get(name)
		case []any:
			i, err := strconv.Atoi(name)
			v, ok = parent[i], err == nil
		}
	}
	if !ok {
		t.Fatalf("%s has nothing at %q", text, pointer)
	}
	return appendJSON(nil, v)
}
