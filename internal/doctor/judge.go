// Package doctor finds out what a network does to Tidings: it tries each way to hear messages, and reports what is
// wrong and how a proxy is mended. The page at /doctor does the same in a browser; both read page/verdicts.json.
package doctor

import (
	"embed"
	"encoding/json"
	"io/fs"
	"regexp"
	"slices"
)

//go:embed page
var page embed.FS

// Page is the page at /doctor, with index.html at its root.
var Page = func() fs.FS {
	sub, err := fs.Sub(page, "page")
	if err != nil {
		panic(err) // only for a malformed name
	}
	return sub
}()

// Facts are what was found, by name. page/checks.js finds the same.
type Facts map[string]string

// Verdict is one row of verdicts.json: it holds where each fact that When names has one of the values.
type Verdict struct {
	Code     string              `json:"code"`
	When     map[string][]string `json:"when"`
	Severity string              `json:"severity"` // broken, degraded, note or good
	Title    string              `json:"title"`
	Says     string              `json:"says"`           // {name} stands for a fact
	Do       string              `json:"do"`             // what to do about it
	Mend     map[string]string   `json:"mend,omitempty"` // configuration, by proxy
}

// Table is verdicts.json: of Summaries the first one counts that holds, of Verdicts all.
type Table struct {
	Summaries []Verdict `json:"summaries"`
	Verdicts  []Verdict `json:"verdicts"`
}

var table = func() (t Table) {
	raw, err := fs.ReadFile(Page, "verdicts.json")
	if err == nil {
		err = json.Unmarshal(raw, &t)
	}
	if err != nil {
		panic(err) // a test reads it
	}
	return t
}()

// Judge returns the summary, and the verdicts that hold, with the facts put in.
func Judge(f Facts) (summary Verdict, verdicts []Verdict) {
	for _, v := range table.Summaries {
		if v.holds(f) {
			summary = v.filled(f)
			break
		}
	}
	for _, v := range table.Verdicts {
		if v.holds(f) {
			verdicts = append(verdicts, v.filled(f))
		}
	}
	return summary, verdicts
}

func (v *Verdict) holds(f Facts) bool {
	for name, values := range v.When {
		if !slices.Contains(values, f[name]) {
			return false
		}
	}
	return true
}

var placeholder = regexp.MustCompile(`\{(\w+)\}`)

func (v Verdict) filled(f Facts) Verdict {
	v.Says = placeholder.ReplaceAllStringFunc(v.Says, func(name string) string { return f[name[1:len(name)-1]] })
	return v
}
