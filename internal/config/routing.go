package config

import (
	"errors"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"tidings/access"
)

const routingKey = "routing"

// routes reads where messages without a channel go.
func (f *file) routes(label, node *yaml.Node) {
	if f.again(routingKey, label) {
		return
	}
	if node.Kind != yaml.SequenceNode || len(node.Content) == 0 {
		f.fault(node, "%s: must be a list of routes such as {if: userId, to: \"user/{userId}\"}", routingKey)
		return
	}
	before := len(f.faults)
	var all access.Routing
	for i, item := range node.Content {
		r, read := access.Route{}, len(f.faults)
		f.route(&r, i+1, item)
		if err := r.Check(); err != nil && len(f.faults) == read {
			f.fault(item, "route %d: %v", i+1, err)
		}
		all = append(all, r)
	}
	if _, err := all.Compile(); err != nil && len(f.faults) == before {
		f.fault(node, "%s: %v", routingKey, err)
	}
	f.values[routingKey] = all
	f.origin[routingKey] = fmt.Sprintf("%s:%d", f.name, label.Line)
}

var routeFields = []string{"event", "if", "to"}

// route reads the n-th route.
func (f *file) route(r *access.Route, n int, node *yaml.Node) {
	if node.Kind != yaml.MappingNode {
		f.fault(node, "route %d: must be a mapping such as {if: userId, to: \"user/{userId}\"}", n)
		return
	}
	var seen []string
	for i := 0; i+1 < len(node.Content); i += 2 {
		label, value := node.Content[i], node.Content[i+1]
		var v any
		switch {
		case !slices.Contains(routeFields, label.Value):
			f.fault(label, "route %d: a route does not say %q; it says event, if, to", n, label.Value)
		case slices.Contains(seen, label.Value):
			f.fault(label, "route %d: %s is set twice", n, label.Value)
		case value.Decode(&v) != nil || v == nil || v == "":
			f.fault(value, "route %d: %s has no value", n, label.Value)
		default:
			if err := setRoute(r, label.Value, v); err != nil {
				f.fault(value, "route %d: %s: %v", n, label.Value, err)
			}
		}
		seen = append(seen, label.Value)
	}
	if !slices.Contains(seen, "to") {
		f.fault(node, "route %d: it does not say where to: name channels, or write to: nobody", n)
	}
}

func setRoute(r *access.Route, name string, v any) (err error) {
	switch name {
	case "event":
		r.Event, err = toText(v)
	case "if":
		r.If, err = toText(v)
	case "to":
		r.To, err = toChannels(v)
	}
	return err
}

// toChannels reads a channel, a list of them, or nobody.
func toChannels(v any) ([]string, error) {
	if text, ok := v.(string); ok {
		if text == nobody {
			return nil, nil
		}
		return []string{text}, nil
	}
	list, err := toList(v)
	switch {
	case err != nil:
		return nil, errors.New("must be a channel, a list of channels, or nobody")
	case len(list) == 0:
		return nil, errors.New("names no channel: write nobody where nobody is meant")
	case slices.Contains(list, nobody):
		return nil, errors.New("nobody stands alone")
	}
	return list, nil
}
