package site

import (
	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// operation is what a method of a path does, for the reference.
type operation struct {
	ID, Method, Path, Summary, Key string
	Parameters, Body               []field
	BodyLink, Answer               markup
	Codes                          []string
}

// operations are those whose paths begin alike.
type operations struct {
	Name string
	All  []operation
}

// reference is the text of the reference's page.
func reference(groups []operations, schemas []schema) g.Node {
	return g.Group{
		h.H1(g.Text("API reference")),
		h.P(g.Text("Every URL of the HTTP API for backends, made from its OpenAPI description: "), h.A(h.Href("openapi.yaml"), g.Text("openapi.yaml")),
			g.Text(". What it means, with examples, is in "), h.A(h.Href("HTTP.html"), g.Text("HTTP API")), g.Text(".")),
		g.Map(groups, func(part operations) g.Node {
			return g.Group{h.P(h.Class("kicker"), g.Text(part.Name)), g.Map(part.All, operation.node)}
		}),
		h.H2(h.ID("schemas"), g.Text("Schemas "), anchor("schemas")),
		g.Map(schemas, schema.node),
	}
}

func anchor(id string) g.Node {
	return h.A(h.Class("anchor"), h.Href("#"+id), h.Aria("label", "Link to this section"), g.Text("#"))
}

func (o operation) node() g.Node {
	return h.Section(h.Class("operation"),
		h.H2(h.ID(o.ID), h.Span(h.Class("method "+o.Method), g.Text(o.Method)), g.Text(" "), h.Code(g.Text(o.Path)), g.Text(" "), anchor(o.ID)),
		h.P(g.Text(o.Summary+" "), h.Span(h.Class("key"), g.Text("With "+o.Key+"."))),
		g.If(len(o.Parameters) > 0, g.Group{h.H3(g.Text("Parameters")), table(o.Parameters)}),
		g.If(o.BodyLink != "", h.H3(g.Text("Body: "), o.BodyLink.node())),
		g.If(len(o.Body) > 0, table(o.Body)),
		g.If(o.Answer != "", h.P(h.Strong(g.Text("Answer:")), g.Text(" "), o.Answer.node())),
		g.If(len(o.Codes) > 0, h.Details(h.Summary(g.Text("Codes of errors")), h.P(h.Class("codes"), g.Map(o.Codes, func(code string) g.Node {
			return g.Group{h.Code(g.Text(code)), g.Text(" ")}
		})))),
	)
}

func (s schema) node() g.Node {
	id := "schema-" + s.Name
	content := g.Node(h.P(s.Kind.node()))
	if len(s.Fields) > 0 {
		content = table(s.Fields)
	}
	return h.Section(h.Class("schema"), h.H3(h.ID(id), g.Text(s.Name+" "), anchor(id)), g.If(s.About != "", h.P(g.Text(s.About))), content)
}

// table lists fields.
func table(fields []field) g.Node {
	return h.Div(h.Class("table fields"), h.Role("group"), h.Aria("label", "Fields"), h.TabIndex("0"), h.Table(
		h.THead(h.Tr(h.Th(g.Text("Name")), h.Th(g.Text("Type")), h.Th(g.Text("Meaning")))),
		h.TBody(g.Map(fields, func(f field) g.Node {
			return h.Tr(
				h.Td(h.Code(g.Text(f.Name)),
					g.If(f.Required, g.Group{g.Text(" "), h.Span(h.Class("must"), g.Text("required"))}),
					g.If(f.In != "", g.Group{g.Text(" "), h.Span(h.Class("in"), g.Text("in the "+f.In))})),
				h.Td(f.Kind.node()),
				h.Td(g.Text(f.About), g.If(f.About != "" && f.Bounds != "", h.Br()), g.If(f.Bounds != "", h.Span(h.Class("bounds"), g.Text(f.Bounds)))),
			)
		}))))
}
