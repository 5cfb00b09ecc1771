package config

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"tidings/access"
	"tidings/filter"
)

const channelRules = "rules.channels"

// ruleField is one thing that a rule of rules.channels may say.
type ruleField struct {
	name string
	set  func(*access.Rule, any) error
}

var ruleFields = []ruleField{
	{"subscribe", func(r *access.Rule, v any) (err error) { r.Subscribe, err = toAllowance(v); return err }},
	{"publish", func(r *access.Rule, v any) (err error) { r.Publish, err = toAllowance(v); return err }},
	{"write", func(r *access.Rule, v any) (err error) { r.Write, err = toAllowance(v); return err }},
	{"presence", func(r *access.Rule, v any) (err error) { r.Presence, err = toAllowance(v); return err }},
	{"filter", func(r *access.Rule, v any) error {
		if _, ok := v.(map[string]any); !ok {
			return fmt.Errorf(`must be a filter, such as {equals: {tenant: "{tenant}"}}`)
		}
		raw, err := json.Marshal(v)
		if err != nil {
			return err
		}
		r.Filter = string(raw)
		return checkFilter(r.Filter)
	}},
	{"history.messages", func(r *access.Rule, v any) (err error) {
		r.Limits.HistoryMessages, err = toInt(v)
		return inRange("history.messages", r.Limits.HistoryMessages, err)
	}},
	{"history.age", func(r *access.Rule, v any) (err error) {
		r.Limits.HistoryAge, err = toDuration(v)
		return inRange("history.age", r.Limits.HistoryAge, err)
	}},
	{"history.bytes", func(r *access.Rule, v any) error {
		size, err := toSize(v)
		r.Limits.HistoryBytes = int(size)
		return inRange("history.bytes", size, err)
	}},
	{"payload", func(r *access.Rule, v any) error {
		size, err := toSize(v)
		r.Limits.Payload = int(size)
		if err == nil && size < 1 {
			err = fmt.Errorf("must be at least 1")
		}
		return err
	}},
	{"rate", func(r *access.Rule, v any) (err error) {
		if r.Limits.Rate, err = toFloat(v); err == nil && !(r.Limits.Rate >= 0.001 && r.Limits.Rate <= 1e6) {
			err = fmt.Errorf("must be from 0.001 to 1000000 a second")
		}
		return err
	}},
	{"collect_window", func(r *access.Rule, v any) (err error) {
		r.Limits.CollectWindow, err = toDuration(v)
		err = inRange("collect_window", r.Limits.CollectWindow, err)
		if r.Limits.CollectWindow == 0 {
			r.Limits.CollectWindow = -1
		}
		return err
	}},
}

// checkFilter checks the filter of a rule as a client's own would be, with a text for each placeholder.
func checkFilter(text string) error {
	sample, err := access.SampleFilter(text)
	if err == nil {
		_, err = filter.Parse(sample)
	}
	return err
}

// inRange checks a value as the setting of the node of the same name is.
func inRange(name string, v any, err error) error {
	if err != nil {
		return err
	}
	return keyOf(name).check(v)
}

// channels reads the rules of patterns.
func (f *file) channels(label, node *yaml.Node) {
	if f.again(channelRules, label) {
		return
	}
	if node.Kind != yaml.MappingNode || len(node.Content) == 0 {
		f.fault(node, "%s: must be a mapping of patterns to rules", channelRules)
		return
	}
	before := len(f.faults)
	var all []access.Rule
	for i := 0; i+1 < len(node.Content); i += 2 {
		r := access.Rule{Pattern: node.Content[i].Value}
		read := len(f.faults)
		f.rule(&r, "", node.Content[i+1], map[string]bool{})
		if err := (access.Rules{Channels: []access.Rule{r}}).Validate(); err != nil && len(f.faults) == read {
			f.fault(node.Content[i], "%s: %v", channelRules, err)
		}
		all = append(all, r)
	}
	if err := (access.Rules{Channels: all}).Validate(); err != nil && len(f.faults) == before {
		f.fault(node, "%s: %s", channelRules, strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	f.values[channelRules] = all
	f.origin[channelRules] = fmt.Sprintf("%s:%d", f.name, label.Line)
}

// rule reads one rule; above is the section within it.
func (f *file) rule(r *access.Rule, above string, node *yaml.Node, seen map[string]bool) {
	if node.Kind != yaml.MappingNode || len(node.Content) == 0 {
		f.fault(node, "%q: must be a mapping such as {subscribe: anyone}", r.Pattern)
		return
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		label, value := node.Content[i], node.Content[i+1]
		name := above + label.Value
		if name == "history" {
			f.rule(r, "history.", value, seen)
			continue
		}
		field := slices.IndexFunc(ruleFields, func(field ruleField) bool { return field.name == name })
		var v any
		switch {
		case field < 0:
			f.fault(label, "%q: a rule does not say %q; it says %s", r.Pattern, name, fieldNames())
		case seen[name]:
			f.fault(label, "%q: %s is set twice", r.Pattern, name)
		case value.Decode(&v) != nil || v == nil:
			f.fault(value, "%q: %s has no value", r.Pattern, name)
		default:
			if err := ruleFields[field].set(r, v); err != nil {
				f.fault(value, "%q: %s: %v", r.Pattern, name, err)
			}
		}
		seen[name] = true
	}
}

func fieldNames() string {
	var names []string
	for _, field := range ruleFields {
		names = append(names, field.name)
	}
	return strings.Join(names, ", ")
}
