package config

import "maps"

// suggest names the setting that was probably meant: that of the fewest changed letters, at most a third of the name.
// names are the keys of the map, or, if it is nil, those of the file.
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
	best, least := "", len(wrong)/3+1
	for name := range maps.Keys(names) {
		d := distance(wrong, name)
		if d < least || d == least && best != "" && name < best {
			best, least = name, d
		}
	}
	if best == "" {
		return "; see docs/CONFIG.md"
	}
	return "; did you mean " + best + "?"
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
