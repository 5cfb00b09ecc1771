package site

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

// sources are those of the repository.
func sources(t *testing.T) Sources {
	t.Helper()
	read := func(name string) string {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	return Sources{
		Docs: pagesAlone{os.DirFS("..")}, Spec: read("../../protocol/SPEC.md"), Client: read("../../clientjs/README.md"),
		Description: read("../../httpapi/openapi.yaml"), Version: "1.2.3",
	}
}

// pagesAlone is the folder without what docs.Files does not carry.
type pagesAlone struct{ fs.FS }

func (p pagesAlone) ReadDir(name string) ([]fs.DirEntry, error) {
	all, err := fs.ReadDir(p.FS, name)
	var kept []fs.DirEntry
	for _, e := range all {
		if e.Name() != "site" && path.Ext(e.Name()) != ".go" {
			kept = append(kept, e)
		}
	}
	return kept, err
}

func rendered(t *testing.T) map[string]string {
	t.Helper()
	site, err := Render(sources(t))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	fs.WalkDir(site, ".", func(name string, d fs.DirEntry, _ error) error {
		if !d.IsDir() {
			data, _ := fs.ReadFile(site, name)
			files[name] = string(data)
		}
		return nil
	})
	return files
}

var (
	hrefs   = regexp.MustCompile(`(?:href|src)="([^"]*)"`)
	ids     = regexp.MustCompile(` id="([^"]*)"`)
	mdLinks = regexp.MustCompile(`(?m)^- \[[^]]+\]\(([^)]+)\)`)
)

// broken returns the links of a site that lead nowhere.
func broken(files map[string]string) (faults []string) {
	anchors := map[string]map[string]bool{}
	for name, text := range files {
		anchors[name] = map[string]bool{}
		for _, m := range ids.FindAllStringSubmatch(text, -1) {
			if anchors[name][m[1]] {
				faults = append(faults, fmt.Sprintf("%s has two ids %s", name, m[1]))
			}
			anchors[name][m[1]] = true
		}
	}
	for name, text := range files {
		if path.Ext(name) != ".html" {
			continue
		}
		for _, m := range hrefs.FindAllStringSubmatch(strings.ReplaceAll(text, "&amp;", "&"), -1) {
			to, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(to, "://") || strings.HasPrefix(to, "mailto:") {
				continue
			}
			target := name
			if to != "" {
				target = path.Join(path.Dir(name), to)
			}
			if _, ok := files[target]; !ok {
				faults = append(faults, fmt.Sprintf("%s links to %s, which is not there", name, m[1]))
			} else if anchor != "" && !anchors[target][anchor] {
				faults = append(faults, fmt.Sprintf("%s links to %s, which has no such place", name, m[1]))
			}
		}
	}
	return faults
}

func TestEveryLinkLeadsSomewhere(t *testing.T) {
	files := rendered(t)
	if len(files) < 60 {
		t.Errorf("the site has %d files, want at least 60", len(files))
	}
	for _, fault := range broken(files) {
		t.Error(fault)
	}
	links := mdLinks.FindAllStringSubmatch(files["llms.txt"], -1)
	if len(links) < 20 {
		t.Errorf("llms.txt has %d links, want at least 20:\n%s", len(links), files["llms.txt"])
	}
	for _, m := range links {
		if files[m[1]] == "" {
			t.Errorf("llms.txt links to %s, which is not there", m[1])
		}
	}
}

func TestPlantedLinks(t *testing.T) {
	for _, tt := range []struct{ name, link, want string }{
		{"another page", "b.html", ""},
		{"a place", "b.html#there", ""},
		{"another site", "https://example.com/#x", ""},
		{"a page that is not there", "c.html", "a.html links to c.html, which is not there"},
		{"a place that is not there", "b.html#here", "a.html links to b.html#here, which has no such place"},
		{"a place of the page", "#gone", "a.html links to #gone, which has no such place"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := strings.Join(broken(map[string]string{"a.html": `<a href="` + tt.link + `">`, "b.html": `<h2 id="there">`}), "; ")
			if got != tt.want {
				t.Errorf("%s: got %q, want %q", tt.link, got, tt.want)
			}
		})
	}
}

func TestEveryPageRenders(t *testing.T) {
	from := sources(t)
	files := rendered(t)
	fs.WalkDir(from.Docs, ".", func(name string, d fs.DirEntry, _ error) error {
		if d.IsDir() || path.Ext(name) == ".svg" {
			return nil
		}
		html := files[place("docs/"+name)]
		switch {
		case html == "":
			t.Errorf("docs/%s has no page", name)
		case !strings.Contains(html, "<h1"):
			t.Errorf("the page of docs/%s has no heading of the first level", name)
		case strings.Contains(html, "raw HTML omitted"):
			t.Errorf("the page of docs/%s shows where a comment was", name)
		case regexp.MustCompile(`(?i)<[^>]+ (?:style|on\w+)=|<script>|<style`).MatchString(html):
			t.Errorf("the page of docs/%s has styles or scripts of its own, which the policy of the server refuses", name)
		}
		return nil
	})
	for _, must := range []string{`id="publish"`, `<code>/api/publish</code>`, `id="schema-Publish"`, `href="#schema-Publish"`, `<code>channel</code>`} {
		if !strings.Contains(files["api.html"], must) {
			t.Errorf("the reference of the API has no %s", must)
		}
	}
	if n := len(files["search.js"]); n > 400_000 {
		t.Errorf("the index of the search has %d bytes, want at most 400,000", n)
	}
}

func TestMarkdown(t *testing.T) {
	places := map[string]string{"docs/a.md": "a.html", "docs/b.md": "b.html", "docs/history/h.md": "history/h.html", "protocol/SPEC.md": "SPEC.html"}
	for _, tt := range []struct{ name, source, text, want string }{
		{"a link to a page", "docs/a.md", "[b](b.md)", `<a href="b.html">b</a>`},
		{"to a place of it", "docs/a.md", "[b](b.md#who-may)", `<a href="b.html#who-may">b</a>`},
		{"to another folder", "docs/a.md", "[s](../protocol/SPEC.md)", `<a href="SPEC.html">s</a>`},
		{"from a folder below", "docs/history/h.md", "[a](../a.md)", `<a href="../a.html">a</a>`},
		{"to a file that the site has not", "docs/a.md", "[f](../core/feed.go)", `<span class="file" title="core/feed.go, in the repository">f</span>`},
		{"to another site", "docs/a.md", "[x](https://example.com/b.md)", `<a href="https://example.com/b.md">x</a>`},
		{"a script", "docs/a.md", "[x](javascript:alert(1)) <script>alert(1)</script>", `alert(1)`},
		{"a comment for the tests", "docs/a.md", "<!-- run -->\n```sh\nls # all\n```", `<code>ls<span class="c"> # all</span>`},
		{"a heading with code", "docs/a.md", "## Who may `_subscribe`, and when?", `<h2 id="who-may-_subscribe-and-when">`},
		{"the same heading twice", "docs/a.md", "## One\n\n## One", `<h2 id="one-1">`},
		{"code that is HTML", "docs/a.md", "```html\n<b>&amp;</b>\n```", `<span class="w">&lt;b</span><span class="w">&gt;</span>&amp;amp;`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := page{source: tt.source, at: places[tt.source]}
			if err := p.fromMarkdown([]byte("# Title\n\n"+tt.text+"\n"), places); err != nil {
				t.Fatal(err)
			}
			if got := string(p.body); !strings.Contains(got, tt.want) || strings.Contains(got, "<script") || strings.Contains(got, `"javascript:`) {
				t.Errorf("%s\ngot  %s\nwant %s, and no script", tt.text, got, tt.want)
			}
		})
	}
}

func TestRenderOtherPages(t *testing.T) {
	of := func(more map[string]string) Sources {
		from := Sources{Spec: "# Spec", Client: "# Client", Description: "openapi: 3.1.0\npaths: {}\n"}
		tree := fstest.MapFS{}
		for _, g := range contents {
			for _, e := range g.Entries {
				if name, ok := strings.CutPrefix(e.Source, "docs/"); ok {
					tree[name] = &fstest.MapFile{Data: []byte("# " + e.Name)}
				}
			}
		}
		tree["README.md"] = &fstest.MapFile{Data: []byte("# Documentation")}
		for name, text := range more {
			tree[name] = &fstest.MapFile{Data: []byte(text)}
			if text == "" {
				delete(tree, name)
			}
		}
		from.Docs = tree
		return from
	}
	t.Run("a page that the navigation does not name stands at its end", func(t *testing.T) {
		site, err := Render(of(map[string]string{"new.md": "# Something new\n\nText."}))
		if err != nil {
			t.Fatal(err)
		}
		html, _ := fs.ReadFile(site, "index.html")
		if !strings.Contains(string(html), `<a href="new.html">Something new</a>`) {
			t.Errorf("the home page has no link to it:\n%s", html)
		}
	})
	t.Run("one that it names and that is missing", func(t *testing.T) {
		_, err := Render(of(map[string]string{"react.md": ""}))
		if want := "docs/react.md is in the navigation, and not there"; err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	})
	t.Run("one without a heading", func(t *testing.T) {
		_, err := Render(of(map[string]string{"react.md": "Text."}))
		if want := "docs/react.md: the page has no heading of the first level"; err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	})
}
