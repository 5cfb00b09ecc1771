package config

import (
	"iter"
	"maps"
	"slices"
)

// suggest names the setting that was probably meant. names are the keys of the map, or, if it is nil, those of the
// file.
func suggest(wrong string, names map[string]string) string {
	if names == nil {
		names = map[string]string{}
		for _, k := range keys {
			names[k.name] = k.name
			for i, letter := range k.name {
				if letter == '.' {
					names[k.name[:i]] = k.name // a group, such as history
				}
			}
		}
	}
	if best := Nearest(wrong, maps.Keys(names)); best != "" {
		return "; did you mean " + best + "?"
	}
	return "; see docs/CONFIG.md"
}

// Nearest returns the name that was probably meant: that of the fewest changed letters, at most a third of what was
// written. It returns "" if there is none, and the first in order of several.
func Nearest(wrong string, names iter.Seq[string]) string {
	best, least := "", len(wrong)/3+1
	for _, name := range slices.Sorted(names) {
		if d := distance(wrong, name); d < least {
			best, least = name, d
		}
	}
	return best
}

// distance is the number of letters to insert, delete or replace (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
