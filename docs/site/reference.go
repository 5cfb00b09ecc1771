package site

import (
	"bytes"
	"strings"

	"go.yaml.in/yaml/v3"
)

// description is where the API's description is in the repository.
const description = "httpapi/openapi.yaml"

// fromDescription makes the reference of the HTTP API.
func (p *page) fromDescription(text []byte) error {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return err
	}
	api := reader{root: doc.Content[0]}
	p.title, p.about = "API reference", "Every URL of the HTTP API for backends, made from its OpenAPI description."
	p.sections = []section{{Title: p.title, Level: 1, text: p.about}}
	all := api.operations()
	for _, group := range all {
		for _, o := range group.All {
			words := o.Summary
			for _, f := range append(o.Parameters, o.Body...) {
				words += " " + f.Name + " " + f.About
			}
			p.sections = append(p.sections, section{ID: o.ID, Title: o.Method + " " + o.Path, Level: 2, text: words})
		}
	}
	schemas := api.schemas()
	p.sections = append(p.sections, section{ID: "schemas", Title: "Schemas", Level: 2})
	for _, s := range schemas {
		words := s.About
		for _, f := range s.Fields {
			words += " " + f.Name + " " + f.About
		}
		p.sections = append(p.sections, section{ID: "schema-" + s.Name, Title: s.Name, Level: 4, text: words})
	}
	var out bytes.Buffer
	err := reference(all, schemas).Render(&out)
	p.body = markup(out.String())
	return err
}

// operations returns all of them, in the order of the description.
func (r reader) operations() []operations {
	var all []operations
	eachPair(r.at("paths"), func(path string, methods *yaml.Node) {
		name := groupOf(path)
		if len(all) == 0 || all[len(all)-1].Name != name {
			all = append(all, operations{Name: name})
		}
		last := &all[len(all)-1]
		eachPair(methods, func(method string, node *yaml.Node) {
			if method != "head" {
				last.All = append(last.All, r.operation(method, path, node))
			}
		})
	})
	return all
}

// groupOf returns under which name a path stands in the reference.
func groupOf(path string) string {
	switch {
	case strings.HasPrefix(path, "/api/documents"):
		return "Documents"
	case strings.HasPrefix(path, "/api/"):
		return "Messages and clients"
	}
	return "Health and metrics"
}

func (r reader) operation(method, path string, node *yaml.Node) operation {
	o := operation{
		ID: value(child(node, "operationId")), Method: strings.ToUpper(method), Path: path,
		Summary: sentence(value(child(node, "summary"))), Key: "an API key",
	}
	if o.ID == "" {
		o.ID = method + strings.ReplaceAll(path, "/", "-")
	}
	if security := child(node, "security"); security != nil {
		o.Key = "no key"
		if len(security.Content) > 0 {
			o.Key = "the signature of a publish URL"
		}
	}
	if parameters := child(node, "parameters"); parameters != nil {
		for _, p := range parameters.Content {
			p = r.follow(p)
			f := r.field(value(child(p, "name")), child(p, "schema"), value(child(p, "required")) == "true")
			f.In = value(child(p, "in"))
			if about := value(child(p, "description")); about != "" {
				f.About = about
			}
			o.Parameters = append(o.Parameters, f)
		}
	}
	if schema := below(node, "requestBody", "content", "application/json", "schema"); schema != nil {
		o.Body, o.BodyLink = r.fields(schema), r.kind(schema)
	}
	responses := child(node, "responses")
	if schema := below(responses, "200", "content", "application/json", "schema"); schema != nil {
		o.Answer = r.kind(schema)
	} else if about := below(responses, "200", "description"); about != nil {
		o.Answer = escaped(about.Value)
	}
	if codes := below(responses, "default", "x-codes"); codes != nil {
		for _, c := range codes.Content {
			o.Codes = append(o.Codes, c.Value)
		}
	}
	return o
}

// sentence returns a summary with a full stop.
func sentence(s string) string {
	if s == "" || strings.HasSuffix(s, ".") {
		return s
	}
	return s + "."
}

// below returns what is at a path of names below a node, or nil.
func below(node *yaml.Node, names ...string) *yaml.Node {
	for _, name := range names {
		node = child(node, name)
	}
	return node
}

// child returns the value of a key, or nil.
func child(node *yaml.Node, name string) *yaml.Node {
	if node == nil || node.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == name {
			return node.Content[i+1]
		}
	}
	return nil
}

// eachPair calls do for each key of a mapping, in order.
func eachPair(node *yaml.Node, do func(key string, value *yaml.Node)) {
	if node == nil || node.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		do(node.Content[i].Value, node.Content[i+1])
	}
}

// value returns a scalar's text, or that of a list, or "".
func value(node *yaml.Node) string {
	switch {
	case node == nil:
		return ""
	case node.Kind == yaml.ScalarNode:
		return node.Value
	}
	var parts []string
	for _, n := range node.Content {
		parts = append(parts, value(n))
	}
	return strings.Join(parts, ", ")
}
