package access

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"tidings/protocol"
)

func pattern(t testing.TB, text string) Pattern {
	t.Helper()
	p, err := ParsePattern(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestParsePattern(t *testing.T) {
	for _, c := range []struct{ in, want string }{ // want: part of the error
		{in: "news"},
		{in: "visitor-management/arrival/u42"},
		{in: "**"},
		{in: "*"},
		{in: "*/*/**"},
		{in: "inbox/{user}"},
		{in: "{tenant}/{user}/{a.b_c-d}"},
		{in: strings.Repeat("a", protocol.MaxChannelBytes)},
		{in: strings.Repeat("a", protocol.MaxChannelBytes+1), want: "more than 200 bytes"},
		{in: "", want: "is no segment"},
		{in: "/news", want: "is no segment"},
		{in: "news/", want: "is no segment"},
		{in: "news//a", want: "is no segment"},
		{in: "news/..", want: "is no segment"},
		{in: "new s", want: "is no segment"},
		{in: "$sys/**", want: "is no segment"},
		{in: "news\n", want: "is no segment"},
		{in: "**/news", want: "only at the end"},
		{in: "news/**/**", want: "only at the end"},
		{in: "news*", want: "a whole segment"},
		{in: "news/***", want: "a whole segment"},
		{in: "news/>", want: "is no segment"},
		{in: "inbox-{user}", want: "a placeholder is a whole segment"},
		{in: "{user", want: "a placeholder is a whole segment"},
		{in: "{}", want: "a placeholder is a whole segment"},
		{in: "{a b}", want: "a placeholder is a whole segment"},
		{in: "{{user}}", want: "a placeholder is a whole segment"},
		{in: "{" + strings.Repeat("n", 64) + "}"},
		{in: "{" + strings.Repeat("n", 65) + "}", want: "a placeholder is a whole segment"},
	} {
		p, err := ParsePattern(c.in)
		switch {
		case c.want == "" && (err != nil || p.String() != c.in):
			t.Errorf("%q: got %q, %v", c.in, p, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%q: got %v, want %q", c.in, err, c.want)
		}
	}
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern  string
		yes, not string // channels
	}{
		{"news", "news", "news/a new newss News a/news"},
		{"news/*", "news/a news/{}", "news news/a/b anews/a"},
		{"news/**", "news/a news/a/b/c", "news newsa"},
		{"**", "news news/a/b", ""},
		{"*", "news", "news/a"},
		{"*/a", "x/a", "x/b x a x/a/a"},
		{"*/a/**", "x/a/b x/a/b/c", "x/a x/b/c"},
		{"inbox/{user}", "inbox/u1 inbox/*", "inbox inbox/u1/x"},
		{"{t}/{t}", "a/a a/b", "a"},
	} {
		p := pattern(t, c.pattern)
		for _, ch := range strings.Fields(c.yes) {
			if !p.Match(protocol.Channel(ch)) {
				t.Errorf("%s does not match %s", c.pattern, ch)
			}
		}
		for _, ch := range append(strings.Fields(c.not), "") {
			if p.Match(protocol.Channel(ch)) {
				t.Errorf("%s matches %q", c.pattern, ch)
			}
		}
	}
	if (Pattern{}).Match("") || (Pattern{}).Match("a") {
		t.Error("the zero pattern matches")
	}
}

func TestPlaceholders(t *testing.T) {
	p := pattern(t, "shop/{tenant}/*/{user}/**")
	if got := p.Placeholders(); !slices.Equal(got, []string{"tenant", "user"}) {
		t.Errorf("placeholders: %q", got)
	}
	if got, ok := p.Bound("shop/t1/x/u1/a/b"); !ok || !slices.Equal(got, []string{"t1", "u1"}) {
		t.Errorf("bound: %q, %v", got, ok)
	}
	if got, ok := p.Bound("shop/t1/x"); ok || got != nil {
		t.Errorf("bound where it does not match: %q, %v", got, ok)
	}
}

func TestTheMostSpecificPatternWins(t *testing.T) {
	// In the order of Compare.
	list := []string{"a", "a/b", "a/b/c", "a/b/*", "a/b/**", "a/*", "a/*/c", "a/*/*", "a/*/**", "a/**", "b/{user}", "*", "*/b", "*/b/**", "*/*", "**"}
	var x Index[int]
	for i, text := range slices.Backward(list) {
		if err := x.Add(pattern(t, text), i); err != nil {
			t.Fatal(err)
		}
	}
	for i := range list {
		for j := range list {
			if got := pattern(t, list[i]).Compare(pattern(t, list[j])); cmp.Compare(got, 0) != cmp.Compare(i, j) {
				t.Errorf("%s and %s compare as %d", list[i], list[j], got)
			}
		}
	}
	for ch, want := range map[protocol.Channel]string{
		"a": "a", "a/b": "a/b", "a/x": "a/*", "a/b/c": "a/b/c", "a/b/x": "a/b/*", "a/b/x/y": "a/b/**", "a/x/c": "a/*/c", "a/x/y": "a/*/*", "a/x/c/d": "a/*/**",
		"b": "*", "b/b": "b/{user}", "c/b": "*/b", "c/b/c": "*/b/**", "c/d": "*/*", "c/d/e": "**", "b/b/c/d": "*/b/**",
	} {
		i, p, ok := x.Find(ch)
		if !ok || p.String() != want || list[i] != want {
			t.Errorf("%s: got %v (%v), want %s", ch, p, ok, want)
		}
	}
}

func TestAnIndexRefusesTwoPatternsOfTheSameChannels(t *testing.T) {
	for _, c := range [][2]string{{"a/*", "a/{user}"}, {"a/{user}", "a/{tenant}"}, {"**", "**"}, {"a/**", "a/**"}, {"a", "a"}} {
		var x Index[int]
		if err := x.Add(pattern(t, c[0]), 1); err != nil {
			t.Fatal(err)
		}
		err := x.Add(pattern(t, c[1]), 2)
		if err == nil || !strings.Contains(err.Error(), c[0]) || !strings.Contains(err.Error(), c[1]) {
			t.Errorf("%q: got %v", c, err)
		}
		if v, _, _ := x.Find("a/b"); v == 2 {
			t.Errorf("%q: the second took the place of the first", c)
		}
	}
	if err := new(Index[int]).Add(Pattern{}, 1); err == nil {
		t.Error("the zero pattern was taken")
	}
}

func TestAnEmptyIndexFindsNothing(t *testing.T) {
	var x Index[int]
	for _, ch := range []protocol.Channel{"", "a", "a/b"} {
		if _, _, ok := x.Find(ch); ok {
			t.Errorf("%q was found", ch)
		}
	}
}

// What is read is written back, and found again by the index exactly where the pattern alone matches; the index agrees
// with the order.
func FuzzPattern(f *testing.F) {
	for _, s := range [][3]string{{"news/**", "news/*", "news/a"}, {"**", "a/{user}/c", "a/b/c"}, {"*/b", "a/**", "a/b"}, {"a", "a", "a"}, {"{x}", "*", "y"}} {
		f.Add(s[0], s[1], s[2])
	}
	f.Fuzz(func(t *testing.T, a, b, name string) {
		ch, err := protocol.ParseChannel(name)
		if err != nil {
			return
		}
		var x Index[string]
		var want *Pattern
		var all []Pattern
		for _, text := range []string{a, b} {
			p, err := ParsePattern(text)
			if err != nil {
				continue
			}
			if p.String() != text {
				t.Fatalf("%q is written as %q", text, p)
			}
			if values, ok := p.Bound(ch); ok != p.Match(ch) || len(values) != 0 && len(values) != len(p.Placeholders()) {
				t.Fatalf("%q of %q: bound to %q, %v", name, text, values, ok)
			}
			same := slices.ContainsFunc(all, func(q Pattern) bool { return p.Compare(q) == 0 })
			if err := x.Add(p, text); same != (err != nil) {
				t.Fatalf("adding %q to %q: %v", text, all, err)
			} else if same {
				continue
			}
			all = append(all, p)
			if p.Match(ch) && (want == nil || p.Compare(*want) < 0) {
				want = &p
			}
		}
		got, p, ok := x.Find(ch)
		if ok != (want != nil) || ok && (got != want.String() || p.String() != got) {
			t.Fatalf("%q in %q: found %q (%v), want %v", name, all, got, ok, want)
		}
	})
}

// BenchmarkFind looks channels up among rules as an application has them: most by a literal and a wildcard.
func BenchmarkFind(b *testing.B) {
	for _, n := range []int{1, 10, 1000} {
		b.Run(fmt.Sprintf("rules=%d", n), func(b *testing.B) {
			var x Index[int]
			x.Add(pattern(b, "**"), 0)
			var channels []protocol.Channel
			for i := 1; i < n; i++ {
				x.Add(pattern(b, fmt.Sprintf("area%d/%s", i, []string{"{user}", "**", "*/desk", "list"}[i%4])), i)
			}
			for i := range 64 {
				channels = append(channels, protocol.Channel(fmt.Sprintf("area%d/u%d/desk", i*n/64, i)))
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				x.Find(channels[i%64])
			}
		})
	}
}
