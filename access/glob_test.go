package access

import (
	"regexp"
	"strings"
	"testing"

	"tidings/protocol"
)

func TestGlobMatchesWholeNames(t *testing.T) {
	for _, tt := range []struct {
		glob     string
		yes, not []protocol.Channel
	}{
		{"chat:*", []protocol.Channel{"chat:", "chat:1", "chat:a:b"}, []protocol.Channel{"chat", "chat:1/typing", "xchat:1"}},
		{"*", []protocol.Channel{"a", "chat:1"}, []protocol.Channel{"", "a/b"}},
		{"**", []protocol.Channel{"a", "a/b", "a/b/c"}, []protocol.Channel{""}},
		{"news/**", []protocol.Channel{"news/a", "news/a/b"}, []protocol.Channel{"news", "newspaper/a"}},
		{"news/*", []protocol.Channel{"news/a"}, []protocol.Channel{"news", "news/a/b"}},
		{"shop/*-eu/*", []protocol.Channel{"shop/books-eu/orders", "shop/-eu/1"}, []protocol.Channel{"shop/books-us/orders", "shop/books-eu"}},
		{"a*b*c", []protocol.Channel{"abc", "axxbxxc", "abcbc"}, []protocol.Channel{"ab", "abcx", "a/bc"}},
		{"*a", []protocol.Channel{"a", "aa", "ba"}, []protocol.Channel{"ab"}},
		{"a", []protocol.Channel{"a"}, []protocol.Channel{"aa", "b", "a/b"}},
		{"a/*/**", []protocol.Channel{"a/b/c", "a/b/c/d"}, []protocol.Channel{"a/b", "a"}},
	} {
		g, err := ParseGlob(tt.glob)
		if err != nil {
			t.Errorf("%q: %v", tt.glob, err)
			continue
		}
		for _, ch := range tt.yes {
			if !g.Match(ch) {
				t.Errorf("%q does not match %q", tt.glob, ch)
			}
		}
		for _, ch := range tt.not {
			if g.Match(ch) {
				t.Errorf("%q matches %q", tt.glob, ch)
			}
		}
	}
	if (Glob{}).Match("a") {
		t.Error("the zero Glob matches")
	}
}

func TestGlobRefuses(t *testing.T) {
	for _, text := range []string{"", "/", "a/", "/a", "a//b", "a b", "$reply/*", "a/**/b", "a**", "**a", "***", "a/./*", "..", "{user}", "a/{user}", "a\x00*", strings.Repeat("a", protocol.MaxChannelBytes+1)} {
		if g, err := ParseGlob(text); err == nil {
			t.Errorf("%q was read as %+v", text, g)
		}
	}
	if _, err := ParseGlob(strings.Repeat("a", protocol.MaxChannelBytes-1) + "*"); err != nil {
		t.Error(err)
	}
}

// Many stars do not make it slow: the product of the lengths, and not a power.
func TestGlobIsNotExponential(t *testing.T) {
	if matchStars(strings.Repeat("*a", 90)+"b", strings.Repeat("a", protocol.MaxChannelBytes)) {
		t.Error("it matches")
	}
}

// A glob without a star in the middle of a segment says what the pattern of the same text says, and any says what the
// regular expression does.
func FuzzGlob(f *testing.F) {
	for _, s := range [][2]string{{"chat:*", "chat:1"}, {"a/**", "a/b/c"}, {"*a*b*", "xaxbx"}, {"news/*", "news/7"}, {"$x", "a"}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, text, name string) {
		g, err := ParseGlob(text)
		if err != nil {
			return
		}
		ch, err := protocol.ParseChannel(name)
		if err != nil {
			return
		}
		if p, err := ParsePattern(text); err == nil && p.Match(ch) != g.Match(ch) {
			t.Errorf("%q matches %q as a pattern: %v, as a glob: %v", text, name, p.Match(ch), g.Match(ch))
		}
		want := regexp.QuoteMeta(text)
		if rest, ok := strings.CutSuffix(want, `\*\*`); ok {
			want = rest + `\+`
		}
		want = strings.ReplaceAll(strings.ReplaceAll(want, `\*`, `[^/]*`), `\+`, `.+`)
		if strings.Contains(text, "+") {
			return // the expression above uses it for another thing
		}
		if got := g.Match(ch); got != regexp.MustCompile(`^(?:`+want+`)$`).MatchString(name) {
			t.Errorf("%q matches %q: %v, as %s says not", text, name, got, want)
		}
	})
}
