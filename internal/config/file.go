package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/v2"
	"go.yaml.in/yaml/v3"
)

// loadFile reads tidings.yaml by its syntax tree, which knows the line of each key.
func loadFile(layers *koanf.Koanf, name string, origin map[string]string) []error {
	raw, err := os.ReadFile(fileName(name))
	if errors.Is(err, fs.ErrNotExist) && name == "" {
		return nil
	}
	if err != nil {
		return []error{fmt.Errorf("config: %w", err)}
	}
	f := file{name: fileName(name), values: map[string]any{}, origin: origin}
	var tree yaml.Node
	if err := yaml.Unmarshal(raw, &tree); err != nil {
		return []error{fmt.Errorf("%s: %s", f.name, strings.TrimPrefix(err.Error(), "yaml: "))}
	}
	if len(tree.Content) > 0 {
		f.read("", tree.Content[0])
	}
	if err := layers.Load(confmap.Provider(f.values, "."), nil); err != nil {
		return append(f.faults, err)
	}
	return f.faults
}

func fileName(name string) string {
	if name == "" {
		return DefaultFile
	}
	return name
}

type file struct {
	name   string
	values map[string]any
	origin map[string]string
	faults []error
}

// read walks a mapping; above is the name of what it stands in.
func (f *file) read(above string, node *yaml.Node) {
	if node.Kind == yaml.ScalarNode && node.Tag == "!!null" {
		return // a file of comments, or a section without a key
	}
	if node.Kind != yaml.MappingNode {
		f.fault(node, "%smust be a mapping of names to values", colon(above))
		return
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		label, value := node.Content[i], node.Content[i+1]
		name := label.Value
		if above != "" {
			name = above + "." + name
		}
		switch {
		case name == channelRules:
			f.channels(label, value)
		case name == routingKey:
			f.routes(label, value)
		case keyOf(name) != nil:
			f.take(name, label, value)
		case isSection(name):
			f.read(name, value)
		default:
			f.fault(label, "%q is no setting%s", name, suggest(name, nil))
		}
	}
}

func (f *file) take(name string, label, value *yaml.Node) {
	if f.again(name, label) {
		return
	}
	var v any
	if err := value.Decode(&v); err != nil {
		f.fault(value, "%s: not readable", name)
		return
	}
	if v == nil {
		f.fault(value, "%s has no value", name)
		return
	}
	f.values[name] = v
	f.origin[name] = fmt.Sprintf("%s:%d", f.name, value.Line)
}

// again reports whether a setting was there before, which is a fault.
func (f *file) again(name string, label *yaml.Node) bool {
	_, ok := f.values[name]
	if ok {
		f.fault(label, "%s is set twice", name)
	}
	return ok
}

func (f *file) fault(node *yaml.Node, format string, args ...any) {
	f.faults = append(f.faults, fmt.Errorf("%s:%d: %s", f.name, node.Line, fmt.Sprintf(format, args...)))
}

func colon(name string) string {
	if name == "" {
		return ""
	}
	return name + ": "
}

func isSection(name string) bool {
	for _, k := range keys {
		if strings.HasPrefix(k.name, name+".") {
			return true
		}
	}
	return false
}
