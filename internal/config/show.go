package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"tidings/access"
)

// Row is one setting as it is in effect.
type Row struct {
	Name   string
	Value  string // of a secret only whether, and how many, there are
	Source string // "default", or where it was set: tidings.yaml:3, environment: TIDINGS_PARK, --park
}

// Show reads the settings as Load does and returns what is in effect and why, in the order of docs/CONFIG.md.
func Show(src Sources) ([]Row, error) {
	s, origin, err := resolve(src)
	if err != nil {
		return nil, err
	}
	var rows []Row
	for i := range keys {
		k := &keys[i]
		source, ok := origin[k.name]
		if !ok {
			source = "default"
		}
		rows = append(rows, Row{Name: k.name, Value: k.show(&s, ok), Source: source})
	}
	return rows, nil
}

// show writes a setting as it could stand in tidings.yaml. Load has put all keys of the API together.
func (k *key) show(s *Settings, set bool) string {
	switch {
	case k.name == "api_keys" && len(s.APIKeys) > 0:
		return fmt.Sprintf("(%d, hidden)", len(s.APIKeys))
	case k.name == "postgres.url" && s.PostgresURL != "":
		return masked(s.PostgresURL)
	case k.name == "redis.url" && len(s.RedisURLs) > 0:
		return maskedList(s.RedisURLs)
	case k.secret && set:
		return "(hidden)"
	case k.secret:
		return "(none)"
	}
	switch v := k.to(s).(type) {
	case *[]string:
		return "[" + strings.Join(*v, ", ") + "]"
	case *string:
		return *v
	case *access.Allowance:
		return string(*v)
	case *[]access.Rule:
		return fmt.Sprintf("(%d rules)", len(*v))
	case *access.Routing:
		return fmt.Sprintf("(%d routes)", len(*v))
	case *bool:
		return fmt.Sprint(*v)
	case *int:
		return fmt.Sprint(*v)
	case fmt.Stringer:
		return v.String()
	}
	panic("a type of setting that cannot be shown: " + k.name)
}

// Differences names the settings that differ, but for those of except, in the order of docs/CONFIG.md.
func Differences(a, b Settings, except ...string) (names []string) {
	for i := range keys {
		k := &keys[i]
		if !slices.Contains(except, k.name) && !reflect.DeepEqual(k.to(&a), k.to(&b)) {
			names = append(names, k.name)
		}
	}
	return names
}
