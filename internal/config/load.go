package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
)

// DefaultFile is read if it exists and no other file is named.
const DefaultFile = "tidings.yaml"

// Sources is where settings come from, the later over the earlier: defaults, file, environment, flags.
type Sources struct {
	File    string   // "": DefaultFile, if there is one
	Environ []string // as os.Environ returns it
	Flags   *pflag.FlagSet
}

// Load reads, checks and completes the settings. Its error names each faulty key and where it stands, one per line.
func Load(src Sources) (Settings, error) {
	s, _, err := resolve(src)
	return s, err
}

// resolve returns beside the settings where each key was set last, if it was.
func resolve(src Sources) (Settings, map[string]string, error) {
	layers := koanf.New(".")
	origin := map[string]string{} // where a key was set last
	if err := layers.Load(confmap.Provider(defaults(), "."), nil); err != nil {
		return Settings{}, nil, err
	}
	faults := loadFile(layers, src.File, origin)
	faults = append(faults, loadEnviron(layers, src.Environ, origin)...)
	if src.Flags != nil {
		if err := layers.Load(posflag.ProviderWithFlag(src.Flags, ".", layers, changedFlag(origin)), nil); err != nil {
			return Settings{}, nil, err
		}
	}
	var s Settings
	for i := range keys {
		k := &keys[i]
		value := layers.Get(k.name)
		if value == "" && k.def == "" {
			continue // not set: an empty variable of the environment counts as none
		}
		if err := k.set(&s, value); err != nil {
			faults = append(faults, fmt.Errorf("%s: %s: %w", origin[k.name], k.name, err))
		}
	}
	if len(faults) > 0 {
		return Settings{}, nil, errors.Join(faults...)
	}
	s, err := s.complete()
	return s, origin, err
}

func defaults() map[string]any {
	m := map[string]any{}
	for _, k := range keys {
		m[k.name] = k.def
	}
	return m
}

// EnvName is the environment variable of a key: history.age is TIDINGS_HISTORY_AGE.
func EnvName(name string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(name, ".", "_"))
}

// FlagName is the flag of a key: base_path is --base-path, history.age is --history-age.
func FlagName(name string) string { return strings.NewReplacer(".", "-", "_", "-").Replace(name) }

const envPrefix = "TIDINGS_"

func loadEnviron(layers *koanf.Koanf, environ []string, origin map[string]string) (faults []error) {
	names := map[string]string{}
	for _, k := range keys {
		names[EnvName(k.name)] = k.name
	}
	provider := env.Provider(".", env.Opt{
		Prefix:      envPrefix,
		EnvironFunc: func() []string { return environ },
		TransformFunc: func(variable, value string) (string, any) {
			name, ok := names[variable]
			if !ok && !foreignVariable(variable) {
				faults = append(faults, fmt.Errorf("environment: %s is no setting%s", variable, suggest(variable, names)))
			}
			if ok {
				origin[name] = "environment: " + variable
			}
			return name, value
		},
	})
	if err := layers.Load(provider, nil); err != nil {
		faults = append(faults, err)
	}
	slices.SortFunc(faults, func(a, b error) int { return cmp.Compare(a.Error(), b.Error()) })
	return faults
}

// foreignVariable reports whether a variable starts like ours and is none of ours: those of the other commands and of
// our tests, and those that Kubernetes makes for a service called tidings.
func foreignVariable(name string) bool {
	switch name {
	case "TIDINGS_URL", "TIDINGS_TOKEN", "TIDINGS_BINARY":
		return true
	}
	return strings.HasPrefix(name, "TIDINGS_TEST_") || strings.Contains(name, "_SERVICE_HOST") ||
		strings.Contains(name, "_SERVICE_PORT") || strings.HasSuffix(name, "_PORT") || strings.Contains(name, "_PORT_")
}

// AddFlags declares the flags of the keys that have one.
func AddFlags(flags *pflag.FlagSet) {
	for _, k := range keys {
		if !k.flag {
			continue
		}
		var s Settings
		switch k.to(&s).(type) {
		case *bool, *Switch:
			flags.Bool(FlagName(k.name), false, k.help)
		case *[]string:
			flags.StringSlice(FlagName(k.name), nil, k.help)
		default:
			flags.String(FlagName(k.name), k.def, k.help)
		}
	}
}

func changedFlag(origin map[string]string) func(*pflag.Flag) (string, any) {
	return func(f *pflag.Flag) (string, any) {
		i := slices.IndexFunc(keys, func(k key) bool { return k.flag && FlagName(k.name) == f.Name })
		if i < 0 || !f.Changed {
			return "", nil
		}
		origin[keys[i].name] = "--" + f.Name
		if list, ok := f.Value.(pflag.SliceValue); ok {
			return keys[i].name, list.GetSlice()
		}
		return keys[i].name, f.Value.String()
	}
}

func readKeyFile(name string) ([]string, error) {
	raw, err := ReadText(name)
	if err != nil {
		return nil, fmt.Errorf("api_key_file: %w", err)
	}
	var list []string
	for line := range strings.Lines(string(raw)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			list = append(list, line)
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("api_key_file: %s holds no key", name)
	}
	return list, nil
}
