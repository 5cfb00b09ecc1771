package main

import (
	"slices"
	"strconv"
	"strings"
)

// sign is a word, a string, a regular expression, an arrow, or one sign of a TypeScript file.
type sign struct {
	text string
	line int
}

// functions returns the functions of a TypeScript file that have a body in braces, each named by its line. The length
// is from the line of its parameters to the end of the body.
func functions(text string) []length {
	var found []length
	list := signs(text)
	opened := []int{}         // the signs "(", "[" and "{" that are open
	matching := map[int]int{} // from the closing sign to the opening one
	begins := map[int]int{}   // from the "{" of a body to the token at which its function begins
	for i, t := range list {
		switch t.text {
		case "(", "[", "{":
			opened = append(opened, i)
			if t.text == "{" {
				if at, ok := parameters(list, i, matching); ok {
					begins[i] = at
				}
			}
		case ")", "]", "}":
			if len(opened) == 0 {
				continue
			}
			from := opened[len(opened)-1]
			opened, matching[i] = opened[:len(opened)-1], from
			if at, ok := begins[from]; ok {
				first := list[at].line
				found = append(found, length{strconv.Itoa(first), t.line - first + 1})
			}
		}
	}
	return found
}

// parameters finds where the function begins whose body opens at token i, if one does: after an arrow, after the
// parameters, or after a type that follows them.
func parameters(list []sign, i int, matching map[int]int) (int, bool) {
	at := func(i int) string {
		if i < 0 {
			return ""
		}
		return list[i].text
	}
	arrow := at(i-1) == "=>"
	if arrow {
		i--
	}
	for end := i - 1; end >= 0; end-- {
		switch text := at(end); {
		case text == ")" && (end == i-1 || at(end+1) == ":"):
			from := matching[end]
			if slices.Contains([]string{"if", "for", "while", "switch", "catch", "with"}, at(from-1)) {
				return 0, false
			}
			return from, true
		case arrow && end == i-1 && isWord(text) && slices.Contains([]string{"=", "(", ",", "=>", "async", "return"}, at(end-1)):
			return end, true // x => {
		case text == ")" || text == "]":
			end = matching[end]
		case !isWord(text) && !strings.Contains(":<>.|&,?", text) && text[0] != '"':
			return 0, false
		}
	}
	return 0, false
}

func isWord(text string) bool {
	c := text[0]
	return c == '_' || c == '$' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80
}

// signs cuts a TypeScript file without its comments.
func signs(text string) []sign {
	var list []sign
	line := 1
	for i := 0; i < len(text); {
		end := i + 1
		c := text[i]
		switch {
		case c == '\n' || c == ' ' || c == '\t':
			line += strings.Count(text[i:end], "\n")
			i = end
			continue
		case strings.HasPrefix(text[i:], "//"):
			end = i + indexOr(text[i:], "\n", 0)
			i = end
			continue
		case strings.HasPrefix(text[i:], "/*"):
			end = i + 2 + indexOr(text[i+2:], "*/", 2)
			line += strings.Count(text[i:end], "\n")
			i = end
			continue
		case c == '`':
			end = template(text, i)
		case c == '"' || c == '\'' || c == '/' && opensPattern(list):
			end = quoted(text, i)
		case strings.HasPrefix(text[i:], "=>"):
			end = i + 2
		case isWord(text[i:]):
			for end < len(text) && isWord(text[end:]) {
				end++
			}
		}
		t := sign{text[i:end], line}
		if c == '`' || c == '\'' {
			t.text = `"` + t.text
		}
		list = append(list, t)
		line += strings.Count(text[i:end], "\n")
		i = end
	}
	return list
}

// indexOr returns the end of sep in text without more, or the end of text.
func indexOr(text, sep string, more int) int {
	if i := strings.Index(text, sep); i >= 0 {
		return i + more
	}
	return len(text)
}

// opensPattern reports whether a slash after list begins a regular expression, and does not divide.
func opensPattern(list []sign) bool {
	if len(list) == 0 {
		return true
	}
	last := list[len(list)-1].text
	return last == "return" || last == "=>" || len(last) == 1 && strings.Contains("(,=:[!&|?{};", last)
}

// quoted returns the end of a string or pattern that opens at i, or one sign if it does not end on its line.
func quoted(text string, i int) int {
	class := false // between the square brackets of a pattern
	for end := i + 1; end < len(text) && text[end] != '\n'; end++ {
		switch c := text[end]; {
		case c == '\\':
			end++
		case text[i] == '/' && c == '[':
			class = true
		case c == ']':
			class = false
		case c == text[i] && !class:
			return end + 1
		}
	}
	return i + 1
}

// template returns the end of a template string that opens at i, with what stands in its braces.
func template(text string, i int) int {
	depth := 0
	for end := i + 1; end < len(text); end++ {
		switch c := text[end]; {
		case c == '\\':
			end++
		case depth == 0 && strings.HasPrefix(text[end:], "${"):
			depth, end = 1, end+1
		case depth > 0 && c == '{':
			depth++
		case depth > 0 && c == '}':
			depth--
		case depth > 0 && c == '`':
			end = template(text, end) - 1
		case depth == 0 && c == '`':
			return end + 1
		}
	}
	return len(text)
}
