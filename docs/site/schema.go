package site

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// reader reads an OpenAPI description.
type reader struct{ root *yaml.Node }

// field is a parameter, or a field of an object.
type field struct {
	Name, In, About, Bounds string
	Kind                    markup
	Required                bool
}

// schema is one of the named ones.
type schema struct {
	Name, About string
	Kind        markup // of one that is no object
	Fields      []field
}

// at returns what is at a path from the root.
func (r reader) at(names ...string) *yaml.Node { return below(r.root, names...) }

// follow returns what a reference leads to, or the node itself.
func (r reader) follow(node *yaml.Node) *yaml.Node {
	for range 10 {
		to := value(child(node, "$ref"))
		if to == "" {
			break
		}
		node = r.at(strings.Split(strings.TrimPrefix(to, "#/"), "/")...)
	}
	return node
}

// schemas returns the named ones, in the order of the description.
func (r reader) schemas() []schema {
	var all []schema
	eachPair(r.at("components", "schemas"), func(name string, node *yaml.Node) {
		s := schema{Name: name, About: value(child(node, "description")), Fields: r.fields(node)}
		if len(s.Fields) == 0 {
			f := r.field(name, node, false)
			s.Kind = f.Kind + escaped(joined(" ", f.Bounds))
		}
		all = append(all, s)
	})
	return all
}

// fields returns the fields of an object, of the parts of allOf, too.
func (r reader) fields(node *yaml.Node) []field {
	node = r.follow(node)
	required := ", " + value(child(node, "required")) + ","
	var all []field
	eachPair(child(node, "properties"), func(name string, property *yaml.Node) {
		all = append(all, r.field(name, property, strings.Contains(required, ", "+name+",")))
	})
	if parts := child(node, "allOf"); parts != nil {
		for _, part := range parts.Content {
			all = append(all, r.fields(part)...)
		}
	}
	return all
}

// bounds are the keywords of a schema that say what its values may be, and how they read.
var bounds = []struct{ keyword, before, after string }{
	{"enum", "one of ", ""}, {"const", "", ""}, {"default", "", " by default"}, {"minimum", "at least ", ""}, {"maximum", "at most ", ""},
	{"minLength", "at least ", " characters"}, {"maxLength", "at most ", " characters"},
	{"minItems", "at least ", " entries"}, {"maxItems", "at most ", " entries"}, {"pattern", "matches ", ""},
}

func (r reader) field(name string, node *yaml.Node, required bool) field {
	f := field{Name: name, Kind: r.kind(node), About: value(child(node, "description")), Required: required}
	var says []string
	for _, b := range bounds {
		if of := child(node, b.keyword); of != nil {
			says = append(says, b.before+value(of)+b.after)
		}
	}
	f.Bounds = strings.Join(says, "; ")
	return f
}

// kind returns the type of a schema, with links to named ones.
func (r reader) kind(node *yaml.Node) markup {
	if to := value(child(node, "$ref")); to != "" {
		name := escaped(to[strings.LastIndexByte(to, '/')+1:])
		return `<a href="#schema-` + name + `">` + name + `</a>`
	}
	for _, several := range []string{"oneOf", "anyOf"} {
		if of := child(node, several); of != nil {
			var kinds []string
			for _, n := range of.Content {
				kinds = append(kinds, string(r.kind(n)))
			}
			return markup(strings.Join(kinds, " or "))
		}
	}
	kind := strings.ReplaceAll(value(child(node, "type")), ", ", " or ")
	switch items := child(node, "items"); {
	case kind == "array" && items != nil:
		return "array of " + r.kind(items)
	case kind == "":
		return "anything"
	}
	return escaped(kind)
}

// joined returns a text with what stands before it, or "".
func joined(before, text string) string {
	if text == "" {
		return ""
	}
	return before + "(" + text + ")"
}
