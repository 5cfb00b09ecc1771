package site

import (
	"bytes"
	"cmp"
	"html"
	"strings"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// markup is HTML as it stands, safe in a page. Pages are made by functions, since executing html/template would keep
// every method of every type in the binary, 24 MB.
type markup string

// escaped returns text as markup.
func escaped(text string) markup { return markup(html.EscapeString(text)) }

func (m markup) node() g.Node { return g.Raw(string(m)) }

// link is one of the navigation.
type link struct {
	Name, Href, About string
	Here              bool
}

// linkGroup is a part of it.
type linkGroup struct {
	Name  string
	Links []link
}

// navigation returns the links of a page to all others.
func navigation(at string, nav []group) []linkGroup {
	var all []linkGroup
	for _, g := range nav {
		part := linkGroup{Name: g.Name}
		for _, e := range g.Entries {
			to := place(e.Source)
			part.Links = append(part.Links, link{Name: e.Name, Href: relative(at, to), About: e.About, Here: to == at})
		}
		all = append(all, part)
	}
	return all
}

// frame returns the whole HTML of a page.
func frame(p page, nav []group, version string) ([]byte, error) {
	root := strings.Repeat("../", strings.Count(p.at, "/"))
	links := navigation(p.at, nav)
	title, class, content := p.title+" · Tidings", "", p.text(version)
	if p.at == "index.html" {
		title, class, content = "Tidings documentation", "home", front(links)
	}
	var out bytes.Buffer
	err := h.Doctype(h.HTML(h.Lang("en"),
		h.Head(
			h.Meta(h.Charset("utf-8")),
			h.Meta(h.Name("viewport"), h.Content("width=device-width, initial-scale=1")),
			h.Meta(h.Name("description"), h.Content(p.about)),
			h.Meta(h.Name("color-scheme"), h.Content("light dark")),
			h.TitleEl(g.Text(title)),
			h.Link(h.Rel("icon"), h.Href(root+"favicon.svg")),
			h.Link(h.Rel("stylesheet"), h.Href(root+"docs.css")),
			h.Script(h.Src(root+"docs.js"), h.Defer()),
		),
		h.Body(h.Data("root", root),
			h.A(h.Class("skip"), h.Href("#content"), g.Text("To the text")),
			head(root),
			h.Div(h.Class("columns"),
				h.Nav(h.ID("nav"), h.Aria("label", "Documentation"), g.Map(links, listed)),
				h.Main(h.ID("content"), h.TabIndex("-1"), g.If(class != "", h.Class(class)), content),
				g.If(len(p.toc()) > 0 && class == "", h.Aside(h.Class("toc"), h.Aria("label", "On this page"), h.H2(g.Text("On this page")), p.contents())),
			),
		),
	)).Render(&out)
	return out.Bytes(), err
}

const mark = `<svg viewBox="0 0 32 32" aria-hidden="true"><circle cx="7" cy="25" r="3.2"/><path d="M6 15a11 11 0 0 1 11 11M6 6a20 20 0 0 1 20 20"/></svg>`

// head is what stands above each page. What needs the script is hidden until it runs.
func head(root string) g.Node {
	return h.Header(
		h.A(h.Class("brand"), h.Href(root+"index.html"), g.Raw(mark), g.Text("Tidings "), h.Span(g.Text("docs"))),
		h.Button(h.ID("menu"), h.Type("button"), h.Aria("expanded", "false"), h.Aria("controls", "nav"), g.Attr("hidden"), g.Text("Pages")),
		h.Form(h.ID("search"), h.Role("search"), g.Attr("hidden"),
			h.Input(h.ID("query"), h.Type("search"), h.Placeholder("Search"), h.Aria("label", "Search the documentation"),
				h.AutoComplete("off"), g.Attr("spellcheck", "false"), h.Aria("describedby", "keys")),
			h.Kbd(h.ID("keys"), h.Aria("label", "Key: slash"), g.Text("/")),
			h.Div(h.ID("found"), h.Role("region"), h.Aria("label", "Search results"), g.Attr("hidden")),
		),
	)
}

func listed(part linkGroup) g.Node {
	return g.Group{h.H2(g.Text(part.Name)), h.Ul(g.Map(part.Links, func(l link) g.Node {
		return h.Li(h.A(h.Href(l.Href), g.If(l.Here, h.Aria("current", "page")), g.Text(l.Name)))
	}))}
}

// front is the text of the first page.
func front(links []linkGroup) g.Node {
	return g.Group{
		h.H1(g.Text("Documentation")),
		h.P(h.Class("lead"), g.Text("Tidings carries messages from your backend to the pages that wait for them. "+
			"One binary, WebSocket, SSE and long-polling; a missed message is fetched, or you are told.")),
		h.Div(h.Class("cards"), g.Map(links, func(part linkGroup) g.Node {
			return h.Section(h.H2(g.Text(part.Name)), h.Ul(g.Map(part.Links, func(l link) g.Node {
				return h.Li(h.A(h.Href(l.Href), g.Text(l.Name)), g.Text(" "), h.Span(g.Text(l.About)))
			})))
		})),
		h.P(h.Class("foot"), g.Text("For programs that read: "), h.A(h.Href("llms.txt"), g.Text("llms.txt")), g.Text(" names each page as Markdown, "),
			h.A(h.Href("openapi.yaml"), g.Text("openapi.yaml")), g.Text(" describes the HTTP API.")),
	}
}

// text is a page's own text, and where it comes from.
func (p page) text(version string) g.Node {
	from := g.Node(g.Text("From "))
	if to := markdownOf(p); to != "" {
		from = g.Group{g.Text("This page as "), h.A(h.Href(to), g.Text("Markdown")), g.Text(", from ")}
	}
	return g.Group{
		g.If(len(p.toc()) > 0, h.Details(h.Class("toc small"), h.Summary(g.Text("On this page")), p.contents())),
		p.body.node(),
		h.P(h.Class("foot"), from, h.Code(g.Text(p.source)), g.Text(". Tidings "+version+".")),
	}
}

// toc returns the headings that a page's contents list.
func (p page) toc() []section {
	var toc []section
	for _, s := range p.sections {
		if s.Level == 2 || s.Level == 3 {
			toc = append(toc, s)
		}
	}
	return toc
}

func (p page) contents() g.Node {
	return h.Ul(g.Map(p.toc(), func(s section) g.Node {
		return h.Li(h.Class(cmp.Or(map[int]string{2: "l2"}[s.Level], "l3")), h.A(h.Href("#"+s.ID), g.Text(s.Title)))
	}))
}
