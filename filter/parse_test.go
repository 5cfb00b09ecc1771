package filter

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"tidings/protocol"
)

// What is a filter and what is none: bounds, normal forms that explode elsewhere, expressions that are slow elsewhere,
// odd filters and shapes that are nowhere.
func TestParse(t *testing.T) {
	many := func(n int, one string) string { return strings.TrimSuffix(strings.Repeat(one+",", n), ",") }
	nested := func(n int) string { return strings.Repeat(`{"not":`, n) + `{"exists":"a"}` + strings.Repeat(`}`, n) }
	for _, c := range []struct {
		name, in string
		code     protocol.Code // empty: it is taken
		says     string
	}{
		{name: "an empty object", in: `{}`},
		{name: "null", in: `null`},
		{name: "B101 no object", in: `[]`, code: protocol.CodeBadFilter, says: "must be an object"},
		{name: "B101 no JSON", in: `{"equals":`, code: protocol.CodeBadFilter, says: "is not JSON"},
		{name: "B101 not UTF-8", in: "{\"exists\":\"\xff\"}", code: protocol.CodeBadFilter, says: "is not UTF-8"},
		{name: "B101 an empty and", in: `{"and":[]}`, code: protocol.CodeBadFilter, says: `"and": cannot be empty`},
		{name: "B101 a list under not", in: `{"not":[]}`, code: protocol.CodeBadFilter, says: `"not": must be an object`},
		{name: "B101 unknown, far down", in: `{"and":[{"or":[{"nope":1}]}]}`, code: protocol.CodeBadFilter, says: `"and.or.nope": unknown keyword`},
		{name: "B101 a name of 9 KB does not come back whole", in: `{"` + strings.Repeat("x", 7000) + `":1}`, code: protocol.CodeBadFilter, says: `…`},

		{name: "B98 the largest depth", in: nested(MaxDepth - 1)},
		{name: "B98 one too deep", in: nested(MaxDepth), code: protocol.CodeFilterTooComplex, says: "nested more deeply than 16"},
		{name: "B98 a match one too deep", in: `{"match":{"a":` + strings.Repeat(`[`, MaxDepth) + strings.Repeat(`]`, MaxDepth) + `}}`, code: protocol.CodeFilterTooComplex, says: "nested"},
		{name: "B98 100 conditions", in: `{"and":[` + many(100, `{"exists":"a"}`) + `]}`},
		{name: "B98 101 conditions", in: `{"and":[` + many(101, `{"exists":"a"}`) + `]}`, code: protocol.CodeFilterTooComplex, says: "(conditions: 101, max: 100)"},
		{name: "B98 in counts its values", in: `{"in":{"a":[` + many(101, `"x"`) + `]}}`, code: protocol.CodeFilterTooComplex, says: "conditions: 101"},
		{name: "B98 match counts its scalars", in: `{"match":{"a":[` + many(101, `1`) + `]}}`, code: protocol.CodeFilterTooComplex, says: "conditions: 101"},
		{name: "B98 8 KiB", in: `{"equals":{"a":"` + strings.Repeat("x", MaxBytes-19) + `"}}`},
		{name: "B98 8 KiB and a byte", in: `{"equals":{"a":"` + strings.Repeat("x", MaxBytes-18) + `"}}`, code: protocol.CodeFilterTooComplex, says: "8192 bytes"},
		{name: "B98 white space does not count", in: `{"exists":` + strings.Repeat(" ", 2*MaxBytes) + `"a"}`},
		{name: "B98 much white space", in: strings.Repeat(" ", 9*MaxBytes) + `{}`, code: protocol.CodeFilterTooComplex, says: "8192 bytes"},
		{name: "B98 a long field", in: `{"exists":"` + strings.Repeat("x", MaxFieldBytes+1) + `"}`, code: protocol.CodeFilterTooComplex, says: "field name"},
		{name: "B99 4096 ways in a normal form", in: `{"and":[` + many(12, `{"or":[{"exists":"a"},{"exists":"b"}]}`) + `]}`},

		{name: "B100 backtracking elsewhere", in: `{"regexp":{"a":"(a+)+$"}}`},
		{name: "B100 a pattern of 256 bytes", in: `{"regexp":{"a":"` + strings.Repeat("x", MaxPatternBytes) + `"}}`},
		{name: "B100 a byte more", in: `{"regexp":{"a":"` + strings.Repeat("x", MaxPatternBytes+1) + `"}}`, code: protocol.CodeFilterTooComplex, says: "256 bytes"},
		{name: "B100 a byte of a character", in: `{"regexp":{"a":"\\C"}}`, code: protocol.CodeBadFilter, says: `"regexp.a": cannot parse regexp expression`},
		{name: "B100 a back reference", in: `{"regexp":{"a":"(a)\\1"}}`, code: protocol.CodeBadFilter, says: `"regexp.a": cannot parse`},
		{name: "B100 a million repetitions", in: `{"regexp":{"a":"(a{1000}){1000}"}}`, code: protocol.CodeBadFilter, says: `"regexp.a": cannot parse`},
		{name: "B100 a thousand, twice", in: `{"regexp":{"a":"a{1000}b{1000}"}}`, code: protocol.CodeFilterTooComplex, says: "conditions"},

		{name: "B103 latitude 91", in: `{"geoDistance":{"p":[91,0],"distance":"1m"}}`, code: protocol.CodeBadFilter, says: `"geoDistance.p": not a place on Earth`},
		{name: "B103 longitude 181 is one turn from -179", in: `{"geoDistance":{"p":[0,181],"distance":"1m"}}`},
		{name: "B103 longitude 541", in: `{"geoDistance":{"p":[0,541],"distance":"1m"}}`, code: protocol.CodeBadFilter, says: `not a place on Earth`},
		{name: "B103 NaN", in: `{"geoDistance":{"p":"NaN, 0","distance":"1m"}}`, code: protocol.CodeBadFilter, says: `unrecognized point format`},
		{name: "B103 infinite", in: `{"geoDistance":{"p":[1e400,0],"distance":"1m"}}`, code: protocol.CodeBadFilter, says: `not a place on Earth`},
		{name: "B103 a distance of no number", in: `{"geoDistance":{"p":[0,0],"distance":"a1m"}}`, code: protocol.CodeBadFilter, says: `unable to parse distance value`},
		{name: "B103 an upside-down box", in: `{"geoBoundingBox":{"p":{"top":1,"bottom":2,"left":1,"right":2}}}`, code: protocol.CodeBadFilter, says: "top must be north of bottom"},
		{name: "B103 a box across the 180th meridian", in: `{"geoBoundingBox":{"p":{"top":2,"bottom":1,"left":179,"right":-179}}}`},
		{name: "B103 a polygon of 2 points", in: `{"geoPolygon":{"p":{"points":[[0,0],[0,1]]}}}`, code: protocol.CodeBadFilter, says: "at least 3 points"},
		{name: "B103 a polygon of 800 points", in: `{"geoPolygon":{"p":{"points":[` + many(800, `[1,1]`) + `]}}}`, code: protocol.CodeFilterTooComplex, says: "conditions"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse([]byte(c.in))
			var fault *protocol.Error
			switch {
			case c.code == "" && err != nil:
				t.Errorf("%.200s: got %v, want a filter", c.in, err)
			case c.code != "" && (!errors.As(err, &fault) || fault.Code != c.code || !strings.Contains(fault.Reason, c.says) || fault.Hint == ""):
				t.Errorf("%.200s: got %#v, want %s with %q and a hint", c.in, err, c.code, c.says)
			case fault != nil && len(fault.Reason) > maxReasonBytes+3:
				t.Errorf("%.200s: a reason of %d bytes", c.in, len(fault.Reason))
			}
		})
	}
}

// Filters beside documents that they match or do not.
func TestMatch(t *testing.T) {
	type question struct {
		filter, document string
		want             bool
	}
	for name, questions := range map[string][]question{
		"B104 numbers, types and missing fields": {
			{`{}`, `{}`, true},
			{`{}`, `[1]`, true},
			{`null`, `"text"`, true},
			{`{"missing":"a"}`, `5`, true},
			{`{"equals":{"a":9}}`, `{"a":9}`, true},
			{`{"equals":{"a":9}}`, `{"a":9.0}`, true},
			{`{"equals":{"a":"9"}}`, `{"a":9}`, false},
			{`{"equals":{"a":0}}`, `{"a":-0}`, true},
			{`{"equals":{"a":null}}`, `{"a":null}`, true},
			{`{"equals":{"a":null}}`, `{}`, false},
			{`{"range":{"a":{"gt":9}}}`, `{"a":"10"}`, false},
			{`{"range":{"a":{"gt":9}}}`, `{"a":1e400}`, true},
			{`{"range":{"a":{"lt":9}}}`, `{"a":-1e400}`, true},
			{`{"range":{"a":{"gte":-1}}}`, `{"a":null}`, false},
			{`{"range":{"a":{"gt":0.1}}}`, `{"a":0.10000000000000002}`, true},
			{`{"equals":{"a.b":1}}`, `{"a":{"b":1}}`, true},
			{`{"equals":{"a.b":1}}`, `{"a.b":1}`, true},
			{`{"equals":{"a.b":1}}`, `{"a":{"b":1},"a.b":2}`, false},
			{`{"equals":{"a.b":1}}`, `{"a.b":2,"a":{"b":1}}`, true},
			{`{"equals":{"a.b":1}}`, `{"a":[{"b":1}]}`, false},
			{`{"equals":{"a":2}}`, `{"a":1,"a":2}`, true},
			{`{"missing":"toString"}`, `{}`, true},
		},
		"B102 text that looks like code is text": {
			{`{"equals":{"a":"'; process.exit() //"}}`, `{"a":"'; process.exit() //"}`, true},
		},
		"B100 expressions": {
			{`{"regexp":{"a":"^a{3}$"}}`, `{"a":"aaa"}`, true},
			{`{"regexp":{"a":"(a+)+$"}}`, `{"a":"` + strings.Repeat("a", MaxSubjectBytes) + `!"}`, true}, // the ! is not looked at
			{`{"regexp":{"a":{"value":"(a+)+b$"}}}`, `{"a":"` + strings.Repeat("a", 60_000) + `"}`, false},
			{`{"not":{"regexp":{"a":"5"}}}`, `{"a":5}`, true},
		},
		"B103 places": {
			{`{"geoDistance":{"p":[0,0],"distance":"111320m"}}`, `{"p":[0,1]}`, true},
			{`{"geoDistance":{"p":[0,0],"distance":"111319m"}}`, `{"p":[0,1]}`, false},
			{`{"geoDistance":{"p":[51.5074,-0.1278],"distance":"343.93km"}}`, `{"p":[48.8566,2.3522]}`, true}, // London and Paris
			{`{"geoDistance":{"p":[51.5074,-0.1278],"distance":"343.92km"}}`, `{"p":[48.8566,2.3522]}`, false},
			{`{"geoDistance":{"p":[0,179.99],"distance":"3km"}}`, `{"p":[0,-179.99]}`, true},
			{`{"geoDistance":{"p":[0,0],"distance":"90000km"}}`, `{"p":[91,0]}`, false},
			{`{"not":{"geoDistance":{"p":[0,0],"distance":"90000km"}}}`, `{"p":"Nowhere"}`, true},
			{`{"geoBoundingBox":{"p":{"top":1,"bottom":-1,"left":179,"right":-179}}}`, `{"p":[0,180]}`, true},
			{`{"geoBoundingBox":{"p":{"top":1,"bottom":-1,"left":179,"right":-179}}}`, `{"p":[0,0]}`, false},
			{`{"geoPolygon":{"p":{"points":[[60,0],[60,40],[50,20]]}}}`, `{"p":[60.5,20]}`, true}, // the edge bends north
			{`{"geoPolygon":{"p":{"points":[[60,0],[60,40],[50,20]]}}}`, `{"p":[62,20]}`, false},
			{`{"geoPolygon":{"p":{"points":[[0,170],[0,-170],[10,180]]}}}`, `{"p":[5,-179]}`, true},
			{`{"geoPolygon":{"p":{"points":[[80,0],[80,90],[80,180],[80,-90]]}}}`, `{"p":[89,45]}`, true}, // around the pole
			{`{"geoPolygon":{"p":{"points":[[80,0],[80,90],[80,180],[80,-90]]}}}`, `{"p":[70,45]}`, false},
			{`{"geoPolygon":{"p":{"points":[[-80,0],[-80,90],[-80,180],[-80,-90]]}}}`, `{"p":[-89,45]}`, true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, c := range questions {
				f, err := Parse([]byte(c.filter))
				if err != nil {
					t.Errorf("%s: %v", c.filter, err)
					continue
				}
				d, err := Read([]byte(c.document))
				if err != nil {
					t.Errorf("%.100s: %v", c.document, err)
					continue
				}
				if got := f.Match(d); got != c.want {
					t.Errorf("%s on %.100s: got %v, want %v", c.filter, c.document, got, c.want)
				}
			}
		})
	}
	if _, err := Read([]byte(`{`)); !errors.Is(err, &protocol.Error{Code: protocol.CodeBadJSON}) {
		t.Errorf("a document that is no JSON: got %v, want bad_json", err)
	}
}

// Spellings of one filter have one canonical form. Rows: B99, B101.
func TestCanonical(t *testing.T) {
	for _, c := range []struct {
		want string
		in   []string
	}{
		{`{}`, []string{`null`, `{}`, `{"or":[{"exists":"a"},{"missing":"a"}]}`, `{"not":{"nothing":1}}`, `{"or":[{"not":{"equals":{"a":1}}},{"not":{"equals":{"a":2}}}]}`}},
		{`{"nothing":true}`, []string{`{"nothing":5}`, `{"and":[{"exists":"a"},{"not":{"exists":{"field":"a"}}}]}`, `{"and":[{"equals":{"a":1}},{"equals":{"a":2}}]}`,
			`{"and":[{"equals":{"a":1}},{"range":{"a":{"gt":1}}}]}`, `{"and":[{"missing":"a"},{"range":{"a":{"gt":1}}}]}`, `{"exists":"a[[1]]"}`}},
		{`{"exists":"a"}`, []string{`{"exists":{"field":"a"}}`, `{"and":[{"exists":"a"},{"exists":"a"}]}`, `{"not":{"missing":"a"}}`, `{"or":[{"exists":"a"},{"equals":{"a":1}}]}`,
			`{"bool":{"must":[{"exists":"a"}]}}`, `{"bool":{"must_not":[{"missing":"a"}],"must":[]}}`, `{"bool":{"must":{"exists":"a"}}}`}},
		{`{"exists":"a\\[0\\]"}`, []string{`{"exists":"a\\[0\\]"}`}},
		{`{"exists":"a[\"v\"]"}`, []string{`{"exists":"a[ \"v\" ]"}`}},
		{`{"or":[{"equals":{"a":"x"}},{"equals":{"a":"y"}}]}`, []string{`{"in":{"a":["y","x","y"]}}`, `{"or":[{"equals":{"a":"y"}},{"or":[{"equals":{"a":"x"}}]}]}`}},
		{`{"or":[{"equals":{"_id":"x"}},{"equals":{"_id":"y"}}]}`, []string{`{"ids":{"values":["y","x"]}}`}},
		{`{"and":[{"not":{"exists":"a"}},{"not":{"exists":"b"}}]}`, []string{`{"not":{"or":[{"exists":"b"},{"exists":"a"}]}}`, `{"bool":{"must_not":[{"exists":"a"},{"exists":"b"}]}}`}},
		{`{"range":{"a":{"gte":1,"lt":2}}}`, []string{`{"range":{"a":{"lt":2,"gte":1.0}}}`}},
		{`{"range":{"a":{"lte":1e400}}}`, []string{`{"range":{"a":{"lt":1e999}}}`}},
		{`{"regexp":{"a":{"value":"x","flags":"im"}}}`, []string{`{"regexp":{"a":{"value":"x","flags":"mig"}}}`}},
		{`{"regexp":{"a":"x"}}`, []string{`{"regexp":{"a":{"value":"x"}}}`, `{"regexp":{"a":{"value":"x","flags":""}}}`}},
		{`{"geoDistance":{"p":{"lat":1,"lon":2},"distance":"1000m"}}`, []string{`{"geoDistance":{"p":"1,2","distance":"1km"}}`, `{"geoDistance":{"p":[1,362],"distance":"1 000 Meters"}}`, `{"geoDistance":{"p":{"lat_lon":["1","2"]},"distance":"1000"}}`}},
		{`{"select":{"field":"a","index":-1,"query":{"exists":"value"}}}`, []string{`{"select":{"query":{"or":[{"exists":"value"},{"missing":"value"}]},"index":-1,"field":"a"}}`}},
		{`{"and":[{"equals":{"b":1}},{"match":{"a":{"x":1,"y":[2]}}}]}`, []string{`{"match":{"b":1,"a":{"y":[2],"x":1}}}`}},
	} {
		for _, in := range append(c.in, c.want) {
			f, err := Parse([]byte(in))
			if err != nil {
				t.Errorf("%s: %v", in, err)
			} else if f.JSON() != c.want {
				t.Errorf("%s: got %s, want %s", in, f.JSON(), c.want)
			}
		}
	}
}

// An ID is the same for spellings of one filter, and another in another channel.
func TestID(t *testing.T) {
	a, _ := Parse([]byte(`{"and":[{"exists":"a"},{"exists":"b"}]}`))
	b, _ := Parse([]byte(`{"and":[{"exists":"b"},{"exists":"a"}]}`))
	if a.ID("orders") != b.ID("orders") || a.ID("orders") == a.ID("order") || len(a.ID("orders")) != 22 {
		t.Errorf("got %s, %s and in another channel %s", a.ID("orders"), b.ID("orders"), a.ID("order"))
	}
}

// What both ask for is one filter in canonical form, also if one of them asks for nothing or everything.
func TestAnd(t *testing.T) {
	a, _ := Parse([]byte(`{"equals":{"tenant":"t1"}}`))
	b, _ := Parse([]byte(`{"or":[{"equals":{"tenant":"t2"}},{"exists":"x"}]}`))
	for _, c := range []struct {
		a, b *Filter
		want string
	}{
		{a, Everything(), a.JSON()},
		{a, Nothing(), Nothing().JSON()},
		{a, a, a.JSON()},
		{a, b, `{"and":[{"equals":{"tenant":"t1"}},{"or":[{"equals":{"tenant":"t2"}},{"exists":"x"}]}]}`},
	} {
		if got := And(c.a, c.b).JSON(); got != c.want {
			t.Errorf("%s and %s: got %s, want %s", c.a.JSON(), c.b.JSON(), got, c.want)
		}
	}
}

// A filter that was parsed before is not parsed again, and what is kept stays within its bounds.
func TestCache(t *testing.T) {
	a, _ := Parse([]byte(`{"exists": "cached"}`))
	if b, _ := Parse([]byte(` {"exists":"cached"}`)); a != b {
		t.Error("the same filter was compiled twice")
	}
	c := newCache(100, 20_000)
	for i := range 1000 {
		f := &Filter{root: existsNode(fmt.Sprint(i)), conditions: i % 30}
		c.put([]byte(f.JSON()), f)
		if c.bytes > 20_000 || c.filters.Len() > 100 {
			t.Fatalf("after %d: %d filters, %d bytes", i+1, c.filters.Len(), c.bytes)
		}
	}
	for c.filters.Len() > 0 {
		c.filters.RemoveOldest()
	}
	if c.bytes != 0 {
		t.Errorf("an empty cache counts %d bytes", c.bytes)
	}
}
