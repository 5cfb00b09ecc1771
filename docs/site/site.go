package site

import (
	"bytes"
	"cmp"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing/fstest"
)

// Sources are what the site is made of.
type Sources struct {
	Docs        fs.FS  // the folder docs/
	Spec        string // protocol/SPEC.md
	Client      string // clientjs/README.md
	Description string // httpapi/openapi.yaml
	Version     string // of the server
}

//go:embed assets
var assets embed.FS

// page is one that is rendered, before it has its frame.
type page struct {
	source   string // path in the repository
	at       string // path in the site
	title    string
	about    string
	body     markup
	sections []section
	markdown []byte // nil if it comes from something else
}

// section is a heading with what stands below it. The first has no id: it is the start of the page.
type section struct {
	ID, Title string
	Level     int
	text      string
}

// Render returns every file of the site: HTML pages with index.html at the root, the Markdown of each, llms.txt, the
// index for the search, a style sheet and a script. A page that contents.go does
// not name stands last in the navigation. It fails if one is missing.
func Render(from Sources) (fs.FS, error) {
	sources, err := read(from)
	if err != nil {
		return nil, err
	}
	places := map[string]string{}
	for source := range sources {
		places[source] = place(source)
	}
	var pages []page
	for source, text := range sources {
		p := page{source: source, at: places[source]}
		switch {
		case path.Ext(source) == ".md":
			err = p.fromMarkdown(text, places)
		case source == description:
			err = p.fromDescription(text)
		case path.Ext(source) == ".svg":
			continue
		default:
			p.fromFile(text)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", source, err)
		}
		pages = append(pages, p)
	}
	slices.SortFunc(pages, func(a, b page) int { return cmp.Compare(a.at, b.at) })
	return files(from, sources, pages, groups(pages))
}

// read returns every source by its path in the repository.
func read(from Sources) (map[string][]byte, error) {
	sources := map[string][]byte{
		"protocol/SPEC.md": []byte(from.Spec), "clientjs/README.md": []byte(from.Client), description: []byte(from.Description),
	}
	err := fs.WalkDir(from.Docs, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if ext := path.Ext(name); ext == ".go" || ext == ".html" || ext == ".js" || ext == ".css" {
			return nil // of this package
		}
		sources["docs/"+name], err = fs.ReadFile(from.Docs, name)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, g := range contents {
		for _, e := range g.Entries {
			if len(sources[e.Source]) == 0 {
				return nil, fmt.Errorf("%s is in the navigation, and not there", e.Source)
			}
		}
	}
	return sources, nil
}

// place returns where in the site a source's page is.
func place(source string) string {
	switch source {
	case home:
		return "index.html"
	case description:
		return "api.html"
	case "clientjs/README.md":
		return "client.html"
	case "protocol/SPEC.md":
		return "SPEC.html"
	}
	name := strings.TrimPrefix(source, "docs/")
	switch path.Ext(name) {
	case ".md":
		return strings.TrimSuffix(name, ".md") + ".html"
	case ".svg":
		return name
	}
	return name + ".html"
}

// groups returns the navigation, with the pages that contents does not name at its end.
func groups(pages []page) []group {
	listed := map[string]bool{home: true}
	for _, g := range contents {
		for _, e := range g.Entries {
			listed[e.Source] = true
		}
	}
	more := group{Name: "More"}
	for _, p := range pages {
		if p.markdown != nil && !listed[p.source] {
			more.Entries = append(more.Entries, Entry{Source: p.source, Name: p.title, About: excerpt(p.about)})
		}
	}
	if more.Entries == nil {
		return contents
	}
	return append(slices.Clone(contents), more)
}

// files joins what is rendered with the frame around it, and with what else the site has.
func files(from Sources, sources map[string][]byte, pages []page, nav []group) (fs.FS, error) {
	site := fstest.MapFS{}
	add := func(name string, data []byte) { site[name] = &fstest.MapFile{Data: data, Mode: 0o644} }
	for _, p := range pages {
		framed, err := frame(p, nav, from.Version)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.source, err)
		}
		add(p.at, framed)
		if p.markdown != nil {
			add(strings.TrimSuffix(p.at, ".html")+".md", p.markdown)
		}
	}
	for source, data := range sources {
		if path.Ext(source) == ".svg" {
			add(place(source), data)
		}
	}
	for _, name := range []string{"docs.css", "docs.js", "favicon.svg"} {
		data, err := assets.ReadFile("assets/" + name)
		if err != nil {
			return nil, err
		}
		add(name, data)
	}
	add("openapi.yaml", sources[description])
	add("search.js", searchIndex(pages))
	add("llms.txt", overview(nav, from.Version))
	return site, nil
}

// fromFile makes the page of a file that is shown as it is.
func (p *page) fromFile(text []byte) {
	p.title = path.Base(p.source)
	p.about = p.source
	p.body = `<h1>` + escaped(p.title) + `</h1><p>` + escaped(p.source) + `</p>` +
		codeBlock(languageOf(p.source), string(text))
	p.sections = []section{{Title: p.title, Level: 1, text: p.source}}
}

// relative returns how a page links to another file of the site.
func relative(from, to string) string {
	return strings.Repeat("../", strings.Count(from, "/")) + to
}

// overview is llms.txt: what there is to read, for programs that read Markdown.
func overview(nav []group, version string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Tidings %s\n\n> A self-hosted realtime message bus: WebSocket, SSE and long-polling from one binary, with a JavaScript client and React hooks.\n", version)
	for _, g := range nav {
		fmt.Fprintf(&b, "\n## %s\n\n", g.Name)
		for _, e := range g.Entries {
			to := strings.TrimSuffix(place(e.Source), ".html") + ".md"
			if e.Source == description {
				to = "openapi.yaml"
			}
			fmt.Fprintf(&b, "- [%s](%s): %s\n", e.Name, to, e.About)
		}
	}
	return b.Bytes()
}

// markdownOf returns how a page links to its Markdown, or "".
func markdownOf(p page) string {
	if p.markdown == nil {
		return ""
	}
	return strings.TrimSuffix(path.Base(p.at), ".html") + ".md"
}
