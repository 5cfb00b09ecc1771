package site

import (
	"cmp"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
)

var searchWord = regexp.MustCompile(`[\p{L}_][\p{L}\d_]{2,40}`)

// longestExcerpt is how many characters of a section a result shows.
const longestExcerpt = 140

// searchIndex returns a script with what the search looks through: of each section its page, its heading, where it is,
// how it starts, and each of its words once. A word that is in a quarter of all sections finds nothing, and is left
// out. It is a script, and not JSON, so that a browser loads it from a folder, too.
func searchIndex(pages []page) []byte {
	type found struct{ page, title, at, excerpt string }
	in := map[string]int{}
	var all []found
	var of []map[string]bool
	for _, p := range pages {
		if strings.HasPrefix(p.at, "history/") {
			continue // lists of old names, which would be found before what has them now
		}
		for _, s := range p.sections {
			at := p.at
			if s.ID != "" {
				at += "#" + s.ID
			}
			words := map[string]bool{}
			for _, w := range searchWord.FindAllString(strings.ToLower(s.text), -1) {
				words[w] = true
			}
			for w := range words {
				in[w]++
			}
			all = append(all, found{page: p.title, title: s.Title, at: at, excerpt: excerpt(s.text)})
			of = append(of, words)
		}
	}
	rows := make([][5]string, len(all))
	for i, f := range all {
		maps.DeleteFunc(of[i], func(w string, _ bool) bool { return in[w] > len(all)/4 })
		words := slices.SortedFunc(maps.Keys(of[i]), cmp.Compare)
		rows[i] = [5]string{f.page, f.title, f.at, f.excerpt, strings.Join(words, " ")}
	}
	data, err := json.Marshal(rows)
	if err != nil {
		panic(err) // strings alone
	}
	return append(append([]byte("self.docsIndex = "), data...), ";\n"...)
}

// excerpt returns how a text starts, cut at a word.
func excerpt(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > longestExcerpt {
		text = string(runes[:longestExcerpt])
		text = text[:max(strings.LastIndexByte(text, ' '), 0)] + " …"
	}
	return text
}
