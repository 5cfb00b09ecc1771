package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// limits are what a package may reach: uses per file, and pairs of files that use each other. They are what each has,
// with space for one thing more. Whoever makes a package plainer makes its line smaller; another package has what any
// other may have.
var limits = map[string]struct {
	perFile float64
	mutual  int
}{
	"access":              {2.5, 4},
	"actors":              {5.7, 18},
	"actors/*":            {5.7, 20},
	"broker/*":            {3.9, 10},
	"client":              {5.2, 24},
	"core":                {2, 8},
	"filter":              {4.5, 10},
	"gateways/kuzzle":     {5.6, 16},
	"httpapi":             {4.7, 9},
	"protocol":            {5, 7},
	"sim/*":               {5.2, 34},
	"sim/model":           {6.2, 24},
	"sim/nemesis":         {4.2, 8},
	"store/postgres":      {3.2, 9},
	"store/*":             {4.1, 18},
	"transports":          {4.8, 13},
	"transports/*":        {4.5, 18},
	"actors/fanout":       {3.1, 3},
	"internal/bench":      {3.3, 4},
	"any other (at most)": {3, 5},
}

const (
	maxLines      = 400
	maxOddVerbs   = 40
	maxCircles    = 0
	maxWide       = 30
	minDocumented = 98 // percent of the exported names
)

func TestLimits(t *testing.T) {
	h, err := measure("../../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range append(h.packages, h.together...) {
		limit, ok := limits[got.name]
		if !ok {
			limit = limits["any other (at most)"]
		}
		if got.perFile() > limit.perFile {
			t.Errorf("%s: %.1f uses per file, want at most %.1f", got.name, got.perFile(), limit.perFile)
		}
		if len(got.mutual) > limit.mutual {
			t.Errorf("%s: %d pairs of files use each other, want at most %d:\n%s", got.name, len(got.mutual), limit.mutual, strings.Join(got.mutual, "\n"))
		}
	}
	for _, file := range append(h.goShape.files.above(maxLines), h.tsShape.files.above(maxLines)...) {
		t.Errorf("%s, want at most %d", file, maxLines)
	}
	if got := h.docs.documented(); got < minDocumented {
		t.Errorf("%.1f %% of the exported names are documented, want %v; without a comment:\n%s", got, minDocumented, strings.Join(h.docs.undocumented, "\n"))
	}
	if got := h.docs.count(ours); got > maxOddVerbs {
		t.Errorf("%d comments begin with one of %q, want at most %d:\n%s", got, ours, maxOddVerbs, strings.Join(h.docs.odd, "\n"))
	}
	if got := len(h.docs.wide); got > maxWide {
		t.Errorf("%d lines of comments go beyond %d columns, want at most %d:\n%s", got, maxColumns, maxWide, strings.Join(h.docs.wide, "\n"))
	}
	if len(h.circles) > maxCircles {
		t.Errorf("TypeScript files import each other in %d circles, want at most %d: %v", len(h.circles), maxCircles, h.circles)
	}
}

// TestUses counts a module of which everything is known.
func TestUses(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":          "module example\n\ngo 1.26\n",
		"shop/doc.go":     "// Package shop sells.\npackage shop\n",
		"shop/basket.go":  "package shop\n\n// Basket gives room to goods.\ntype Basket struct{ goods []good }\n\nfunc (b *Basket) sum() int { return b.goods[0].price }\n",
		"shop/good.go":    "package shop\n\n// " + strings.Repeat("long ", 24) + "\n\ntype good struct{ price int }\n\nfunc (g good) in(b *Basket) bool { return len(b.goods) > 0 }\n",
		"shop/till.go":    "package shop\n\nimport \"example/shop/coin\"\n\n// Pay returns the change.\nfunc Pay(b *Basket) coin.Coin { return coin.Coin{Cents: b.sum()} }\n\nfunc Undocumented() {}\n",
		"shop/coin/co.go": "package coin\n\n// Coin is money.\ntype Coin struct{ Cents int }\n",
	} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	h, err := measure(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(h.packages) != 1 || len(h.together) != 1 {
		t.Fatalf("got %v and %v, want shop alone and shop with coin", h.packages, h.together)
	}
	for _, tt := range []struct {
		what      string
		got, want int
	}{
		{"files of shop", h.packages[0].files, 3},
		{"uses in shop: basket and good each other, till of basket", h.packages[0].uses, 3},
		{"mutual pairs in shop", len(h.packages[0].mutual), 1},
		{"files with coin", h.together[0].files, 4},
		{"uses with coin: till of coin, too", h.together[0].uses, 4},
		{"exported names", h.docs.exported, 4},
		{"without a comment", len(h.docs.undocumented), 1},
		{"gives", h.docs.count(ours), 1},
		{"returns", h.docs.count(standard), 1},
		{"lines that are too long", len(h.docs.wide), 1},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.what, tt.got, tt.want)
		}
	}
}

func TestFunctions(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []int // the lines of each, in the order of their ends
	}{
		{"a function", "function a(x: number) {\n  return x;\n}\n", []int{3}},
		{"a type after the parameters", "function a(x: () => void): Promise<string[]> {\n}\n", []int{2}},
		{"an arrow", "const a = (x) => {\n\n};\nconst b = async y => {\n};\n", []int{3, 2}},
		{"an arrow with a type", "const a = (\n  x: X,\n): Y | undefined => {\n};\n", []int{4}},
		{"a method in a class", "class A extends B {\n  m(): void {\n  }\n}\n", []int{2}},
		{"one in another", "function a() {\n  b(() => {\n  });\n}\n", []int{2, 4}},
		{"no function: statements, types and values", "if (a) {\n}\nfor (;;) {\n}\ntype T = { a: () => void };\nconst c = { d: e(f) };\ninterface I {\n}\ntry {\n} catch (e) {\n}\n", nil},
		{"braces in strings, patterns and comments", "function a() {\n  b(\"}\", '{', `}${c({})}`, /[/}]}/); // }\n  /* } */\n}\n", []int{4}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []int
			for _, f := range functions(tt.text) {
				got = append(got, f.lines)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("%s\ngot %v, want %v", tt.text, got, tt.want)
			}
		})
	}
}

func TestCircles(t *testing.T) {
	s := scripts{
		"src/a.ts":      "import { b } from \"./b.js\";\n",
		"src/b.ts":      "import type { C } from \"./deep/c.js\";\n",
		"src/deep/c.ts": "export * from \"../a.js\";\nimport \"../d.js\";\n",
		"src/d.ts":      "import {\n  type E,\n} from \"./e.js\";\n",
		"src/e.ts":      "// import \"./d.js\"\n",
	}
	got := s.circles()
	want := []string{"src/a.ts", "src/b.ts", "src/deep/c.ts"}
	if len(got) != 1 || !slices.Equal(got[0], want) {
		t.Errorf("got %v, want one circle of %v", got, want)
	}
}
