package doctor

import (
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Report is what `tidings doctor --json` prints and the page lets copy. It holds no token, no session and no query.
type Report struct {
	Version  int              `json:"tidingsDoctor"` // 1
	URL      string           `json:"url"`
	At       time.Time        `json:"at"`
	By       string           `json:"by"` // the program
	Summary  string           `json:"summary"`
	Verdicts []string         `json:"verdicts"`
	Facts    Facts            `json:"facts"`
	Took     map[string]int64 `json:"took"` // ms
}

// base returns the bus's base, such as https://example.com/bus, from what a person may type: a host, the server's URL,
// or that of the bus.
func base(text string) (string, error) {
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", fmt.Errorf("%q is no address of a server: give one such as https://bus.example.com", text)
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	u.Path = strings.TrimRight(u.Path, "/")
	if path, found := strings.CutSuffix(u.Path, "/doctor"); found {
		u.Path = path
	}
	if !strings.HasSuffix(u.Path, "/bus") {
		u.Path += "/bus"
	}
	return u.String(), nil
}

// Text is the report for people, about 80 columns wide.
func (r *Report) Text() string {
	summary, verdicts := Judge(r.Facts)
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", r.URL)
	for _, row := range []struct{ name, fact, more string }{
		{"server", r.Facts["server"], httpVersion(r.Facts)},
		{"WebSocket", r.Facts["websocket"], r.ms("websocket")},
		{"stream (SSE)", r.Facts["sse"], r.ms("sse")},
		{"long-poll", r.Facts["poll"], r.ms("poll")},
		{"upload", r.Facts["upload"], bytesOf(r.Facts["uploadLimit"])},
		{"silence", r.Facts["idle"], silence(r.Facts)},
		{"clock", r.Facts["clock"], apart(r.Facts)},
	} {
		fmt.Fprintf(&b, "  %-14s%-13s%s\n", row.name, row.fact, row.more)
	}
	fmt.Fprintf(&b, "\n%s\n", summary.Says)
	for _, v := range verdicts {
		fmt.Fprintf(&b, "\n%s (%s)\n%s\n%s\n", v.Title, v.Code, wrap(v.Says, "  "), wrap(v.Do, "  "))
		for _, proxy := range []string{"nginx", "haproxy", "apache", "envoy"} {
			if text, ok := v.Mend[proxy]; ok {
				fmt.Fprintf(&b, "    %s:\n      %s\n", Proxies[proxy], strings.ReplaceAll(text, "\n", "\n      "))
			}
		}
	}
	return b.String()
}

// Proxies are the names of those that verdicts know to mend.
var Proxies = map[string]string{"nginx": "nginx", "haproxy": "HAProxy", "apache": "Apache", "envoy": "Envoy"}

func httpVersion(f Facts) string {
	if f["http"] == "" {
		return ""
	}
	return "HTTP/" + f["http"]
}

func (r *Report) ms(name string) string {
	if n, ok := r.Took[name]; ok && r.Facts[name] == "ok" {
		return fmt.Sprintf("%d ms", n)
	}
	return ""
}

func bytesOf(n string) string {
	if n == "" {
		return ""
	}
	return n + " bytes"
}

func silence(f Facts) string {
	switch f["idle"] {
	case "cut":
		return "after " + f["idleCutAfter"] + " s (" + f["idleOn"] + ")"
	case "ok":
		return f["idleTested"] + " s"
	}
	return ""
}

func apart(f Facts) string {
	if f["clockSkew"] == "" {
		return ""
	}
	return f["clockSkew"] + " s apart"
}

// wrap breaks text into lines of at most 78 bytes, each indented.
func wrap(text, indent string) string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(indent)+len(line)+1+len(word) > 78 {
			lines = append(lines, indent+line)
			line = ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return strings.Join(append(lines, indent+line), "\n")
}
