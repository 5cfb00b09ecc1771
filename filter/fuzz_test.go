package filter

import (
	"errors"
	"testing"

	"tidings/protocol"
)

// Whatever is sent as a filter is refused with a code of filters and a hint, or is a filter within its bounds. The
// canonical form of one is a filter of the same form, which matches the same.
func FuzzParse(f *testing.F) {
	for _, example := range examples {
		f.Add([]byte(example), []byte(`{"type":"taxi","driver":{"name":"Jo"},"seats":4,"tags":["night"],"position":[48.85,2.35]}`))
	}
	f.Add([]byte(`{"bool":{"must_not":[{"in":{"a":["x",1,null]}}],"should_not":[{"missing":"a[\"x\"]"}]}}`), []byte(`{"a":["x"],"a.b":1,"a":{"b":2}}`))
	f.Add([]byte(`{"geoDistanceRange":{"p":"u09tvw0f","from":"3 258,55 Ft","to":"2 megameters"}}`), []byte(`{"p":{"lat_lon":"-91, 541"}}`))
	f.Fuzz(func(t *testing.T, text, content []byte) {
		parsed, err := Parse(text)
		if err != nil {
			var fault *protocol.Error
			if !errors.As(err, &fault) || fault.Code != protocol.CodeBadFilter && fault.Code != protocol.CodeFilterTooComplex || fault.Hint == "" || len(fault.Reason) > maxReasonBytes+3 {
				t.Fatalf("%q: %#v", text, err)
			}
			return
		}
		if parsed.Conditions() > MaxConditions {
			t.Fatalf("%q has %d conditions", text, parsed.Conditions())
		}
		p := &parser{conditions: -1 << 20} // the canonical form may count more: it has no "in"
		v, ok := readJSON([]byte(parsed.JSON()))
		again, fault := p.clause(v, "", -1<<20)
		if !ok || fault != nil || again.key != parsed.JSON() {
			t.Fatalf("%q is %s, and that is %v, %v", text, parsed.JSON(), again, fault)
		}
		d, err := Read(content)
		if err != nil {
			return
		}
		want := parsed.Match(d)
		if again.match(d) != want {
			t.Fatalf("%q answers %v on %q, its canonical form %s does not", text, want, content, parsed.JSON())
		}
		if negate(parsed.root).match(d) == want {
			t.Fatalf("%q and its negation answer the same on %q", text, content)
		}
	})
}

// However filters come and go, the index finds what Match finds. A program adds and removes filters of a list, by its
// bytes.
func FuzzIndex(f *testing.F) {
	f.Add(uint64(1), []byte{0, 1, 2, 130, 3, 255}, []byte(`{"a":1,"n":2,"s":"taxi","l":[1,"x"],"p":[48.85,2.35]}`))
	f.Add(uint64(2), []byte("add and remove"), []byte(`{"b":{"c":null},"b.c":1}`))
	f.Fuzz(func(t *testing.T, seed uint64, program, content []byte) {
		d, err := Read(content)
		if err != nil || len(program) > 200 {
			return
		}
		g := newGenerator(seed)
		source := g.document()
		filters := make([]*Filter, 16)
		for i := range filters {
			if filters[i], err = Parse(raw(g.filter([]obj{source}))); err != nil {
				filters[i] = Everything()
			}
		}
		own, _ := Read(raw(source))
		w := &indexWorld{t: t, index: NewIndex[int](), live: map[int]*Filter{}}
		for _, b := range program {
			if b < 160 {
				w.set(int(b)%20, filters[b%16])
			} else {
				w.remove(int(b) % 20)
			}
			w.check(d)
			w.check(own)
		}
		w.checkParts()
	})
}
