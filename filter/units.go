package filter

import (
	"regexp"
	"strings"
)

// metres has the units of distances in metres.
var metres = map[string]float64{
	"m": 1, "meter": 1,
	"ft": 0.3048, "feet": 0.3048,
	"in": 0.0254, "inch": 0.0254,
	"yd": 0.9144, "yard": 0.9144,
	"mi": 1609.34, "mile": 1609.34,
}

type prefix struct {
	name   string
	factor float64
}

// shortPrefixes stand before units of up to three letters with them, longPrefixes before longer ones. The first that
// fits counts.
var (
	shortPrefixes = []prefix{{"da", 10}, {"mu", 1e-6}, {"m", 1e-3}, {"h", 100}, {"k", 1000}, {"n", 1e-9}, {"p", 1e-12},
		{"c", 1e-2}, {"d", 1e-1}, {"f", 1e-15}, {"a", 1e-18}, {"z", 1e-21}, {"y", 1e-24}}
	longPrefixes = []prefix{{"milli", 1e-3}, {"micro", 1e-6}, {"nano", 1e-9}, {"pico", 1e-12}, {"centi", 1e-2}, {"deci", 1e-1},
		{"femto", 1e-15}, {"atto", 1e-18}, {"zepto", 1e-21}, {"yocto", 1e-24}, {"deka", 10}, {"hecto", 100}, {"kilo", 1000},
		{"mega", 1e6}, {"giga", 1e9}, {"tera", 1e12}, {"peta", 1e15}, {"exa", 1e18}, {"zeta", 1e21}, {"yotta", 1e24}}
)

var distance = regexp.MustCompile(`^(.*?[0-9])([a-z]+)$`)

// metresOf reads a distance: a number and a unit, like "1.5 km", "3 258,55 Ft" or "10 miles". White space and hyphens
// do not count, a comma is a point, and a number alone is metres.
func metresOf(s string) (float64, bool) {
	s = strings.Map(func(r rune) rune {
		switch r {
		case '-', ' ', '\t', '\n', '\v', '\f', '\r', '\u00a0', '\ufeff', '\u2028', '\u2029':
			return -1
		case ',':
			return '.'
		}
		return r
	}, strings.ToLower(s))
	parts := distance.FindStringSubmatch(s)
	if parts == nil {
		parts = []string{s, s, "m"}
	}
	if strings.Trim(parts[1], "+.0123456789") != "" {
		return 0, false
	}
	v, ok := leadingNumber(parts[1])
	factor, unit, known := unitOf(parts[2])
	return v * factor * unit, ok && known
}

// unitOf returns the factor of a unit's prefix and the metres of the unit. A plural may end in s or es.
func unitOf(name string) (factor, unit float64, ok bool) {
	names := []string{name}
	if len(name) != 2 {
		for _, plural := range []string{"s", "es", "ies"} {
			if singular, ok := strings.CutSuffix(name, plural); ok {
				names = append(names, singular)
			}
		}
	}
	for _, name := range names {
		if m, known := metres[name]; known {
			factor, unit, ok = 1, m, true
		} else if p, rest := cutPrefix(name); metres[rest] != 0 {
			factor, unit, ok = p, metres[rest], true
		}
	}
	return factor, unit, ok
}

func cutPrefix(name string) (factor float64, rest string) {
	prefixes := shortPrefixes
	if len(name) > 3 {
		prefixes = longPrefixes
	}
	for _, p := range prefixes {
		if rest, ok := strings.CutPrefix(name, p.name); ok {
			return p.factor, rest
		}
	}
	return 1, name
}
