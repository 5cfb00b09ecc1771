package site

import (
	"html"
	"path"
	"regexp"
	"strings"
)

// Patterns of what has a colour: comments, strings, and words of the language.
const (
	slashes  = `//[^\n]*|/\*(?s:.*?)\*/`
	hash     = `(?m:(?:^|[ \t])#[^\n]*)`
	htmlNote = `<!--(?s:.*?)-->`
	quoted   = `"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'`
	backtick = "|`[^`]*`"
	script   = `\b(?:import|from|export|default|const|let|function|return|await|async|new|if|else|for|of|in|type|interface|null|true|false|throw|try|catch)\b`
	golang   = `\b(?:package|import|func|return|if|else|for|range|var|const|type|struct|defer|go|nil|true|false|map|string|error|switch|case)\b`
	python   = `\b(?:import|from|def|return|with|as|if|else|elif|for|in|not|None|True|False|class|try|except|raise|async|await)\b`
	sql      = `(?i:\b(?:create|table|select|from|where|insert|into|values|update|set|delete|order|by|limit|primary|key|not|null|default|begin|commit|for|and|returning|skip|locked|index|on)\b)`
)

// colours are, by language, a comment, a string and a word, in this order. A language that is not here has none.
var colours = map[string]*regexp.Regexp{}

func init() {
	add := func(comment, text, word string, names ...string) {
		re := regexp.MustCompile("(" + comment + ")|(" + text + ")|(" + word + ")")
		for _, name := range names {
			colours[name] = re
		}
	}
	never := `\z.`
	add(slashes, quoted+backtick, script, "js", "mjs", "ts", "tsx", "jsx", "json")
	add(slashes, `"(?:\\.|[^"\\\n])*"`+backtick, golang, "go")
	add(slashes+"|"+hash, quoted, script, "php")
	add(hash, `"(?:\\.|[^"\\])*"|'[^']*'`, never, "sh", "bash")
	add(hash, quoted, `(?m:^[ \t-]*[\w.-]+:)`, "yaml", "yml")
	add(hash, quoted, python, "python", "py")
	add(hash, quoted, never, "nginx", "conf", "cfg", "service", "")
	add(`--[^\n]*`, `'[^'\n]*'`, sql, "sql")
	add(htmlNote, quoted, `</?[a-zA-Z][\w-]*|/?>`, "html")
}

// codeBlock returns text as a block of code, in colours if the language has some.
func codeBlock(language, text string) markup {
	var b strings.Builder
	b.WriteString(`<div class="code"><pre tabindex="0"><code>`)
	at := 0
	if re := colours[language]; re != nil && len(text) < 100_000 {
		for _, m := range re.FindAllStringSubmatchIndex(text, -1) {
			b.WriteString(html.EscapeString(text[at:m[0]]))
			class := "w"
			if m[2] >= 0 {
				class = "c"
			} else if m[4] >= 0 {
				class = "s"
			}
			b.WriteString(`<span class="` + class + `">` + html.EscapeString(text[m[0]:m[1]]) + `</span>`)
			at = m[1]
		}
	}
	b.WriteString(html.EscapeString(text[at:]) + "</code></pre></div>\n")
	return markup(b.String())
}

// languageOf returns the language of a file by its name.
func languageOf(file string) string { return strings.TrimPrefix(path.Ext(file), ".") }
