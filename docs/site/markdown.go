package site

import (
	"bytes"
	"fmt"
	"net/url"
	"path"
	"strings"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// elsewhere marks links to files of the repository that the site does not have.
const elsewhere = "repository:"

var markdown = goldmark.New(
	goldmark.WithExtensions(extension.GFM),
	goldmark.WithParserOptions(parser.WithAutoHeadingID()),
	goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(ours{}, 1))),
)

// fromMarkdown renders a page. It fails if a link leads to a page of the site that is not there.
func (p *page) fromMarkdown(source []byte, places map[string]string) error {
	tree := markdown.Parser().Parse(text.NewReader(source), parser.WithContext(parser.NewContext(parser.WithIDs(&slugs{}))))
	var out bytes.Buffer
	err := ast.Walk(tree, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Link:
			n.Destination = []byte(p.target(string(n.Destination), places))
		case *ast.Image:
			n.Destination = []byte(p.target(string(n.Destination), places))
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		return err
	}
	p.cut(tree, source)
	if err := markdown.Renderer().Render(&out, source, tree); err != nil {
		return err
	}
	framed := strings.NewReplacer("<table>", `<div class="table" role="group" aria-label="Table" tabindex="0"><table>`, "</table>", "</table></div>").Replace(out.String())
	p.body, p.markdown = markup(framed), source
	if p.title == "" {
		return fmt.Errorf("the page has no heading of the first level")
	}
	return nil
}

// target returns where a link of the page leads: a page of the site, its file as it is, or a file of the repository.
func (p *page) target(to string, places map[string]string) string {
	u, err := url.Parse(to)
	if err != nil || u.IsAbs() || u.Host != "" || u.Path == "" {
		return to
	}
	file := path.Join(path.Dir(p.source), u.Path)
	at, ok := places[file]
	if !ok {
		return elsewhere + file
	}
	u.Path = relative(p.at, at)
	return u.String()
}

// cut notes the page's title, its first paragraph and its sections.
func (p *page) cut(tree ast.Node, source []byte) {
	p.sections = []section{{}}
	for n := tree.FirstChild(); n != nil; n = n.NextSibling() {
		last := &p.sections[len(p.sections)-1]
		heading, ok := n.(*ast.Heading)
		switch {
		case ok && heading.Level == 1 && p.title == "":
			p.title = plain(n, source)
			last.Title, last.Level = p.title, 1
		case ok:
			id, _ := heading.AttributeString("id")
			p.sections = append(p.sections, section{ID: string(id.([]byte)), Title: plain(n, source), Level: heading.Level})
		default:
			words := plain(n, source)
			if p.about == "" && n.Kind() == ast.KindParagraph {
				p.about = words
			}
			last.text += words + "\n"
		}
	}
}

// plain returns the text of a node, without marks.
func plain(n ast.Node, source []byte) string {
	var b strings.Builder
	ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.Text:
			if entering {
				b.Write(n.Segment.Value(source))
				if n.SoftLineBreak() {
					b.WriteByte(' ')
				}
			}
		case *ast.HTMLBlock:
			return ast.WalkSkipChildren, nil
		case *ast.FencedCodeBlock:
			if entering {
				b.WriteString(lines(n, source))
			}
		default:
			if !entering && n.Type() == ast.TypeBlock {
				b.WriteByte(' ')
			}
		}
		return ast.WalkContinue, nil
	})
	return strings.TrimSpace(b.String())
}

// lines returns the text of a block of code.
func lines(n ast.Node, source []byte) string {
	var b strings.Builder
	for i := range n.Lines().Len() {
		line := n.Lines().At(i)
		b.Write(line.Value(source))
	}
	return b.String()
}

// slugs makes the ids of headings as GitHub does, so that links with an anchor lead to the same place here and there.
type slugs struct{ taken map[string]int }

// Generate returns the id of a heading.
func (s *slugs) Generate(value []byte, _ ast.NodeKind) []byte {
	var b strings.Builder
	for _, r := range strings.ToLower(strings.TrimSpace(string(value))) {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '_', r == '-':
			b.WriteRune(r)
		case r == ' ':
			b.WriteByte('-')
		}
	}
	if s.taken == nil {
		s.taken = map[string]int{}
	}
	id := b.String()
	n := s.taken[id]
	s.taken[id]++
	if n > 0 {
		id = fmt.Sprintf("%s-%d", id, n)
	}
	return []byte(id)
}

// Put notes an id that is given.
func (s *slugs) Put([]byte) {}

// ours renders what goldmark would render otherwise.
type ours struct{}

// RegisterFuncs is called by goldmark.
func (ours) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindHeading, renderHeading)
	r.Register(ast.KindFencedCodeBlock, renderCode)
	r.Register(ast.KindCodeBlock, renderCode)
	r.Register(ast.KindLink, renderLink)
	r.Register(ast.KindHTMLBlock, skip) // the comments that the tests of the pages read
	r.Register(ast.KindRawHTML, skip)
}

func skip(util.BufWriter, []byte, ast.Node, bool) (ast.WalkStatus, error) {
	return ast.WalkSkipChildren, nil
}

func renderHeading(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	h := n.(*ast.Heading)
	id, _ := h.AttributeString("id")
	if entering {
		fmt.Fprintf(w, `<h%d id="%s">`, h.Level, id)
		return ast.WalkContinue, nil
	}
	if h.Level > 1 {
		fmt.Fprintf(w, ` <a class="anchor" href="#%s" aria-label="Link to this section">#</a>`, id)
	}
	fmt.Fprintf(w, "</h%d>\n", h.Level)
	return ast.WalkContinue, nil
}

func renderCode(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		language := ""
		if fenced, ok := n.(*ast.FencedCodeBlock); ok {
			language = string(fenced.Language(source))
		}
		w.WriteString(string(codeBlock(language, lines(n, source))))
	}
	return ast.WalkSkipChildren, nil
}

func renderLink(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	to := string(n.(*ast.Link).Destination)
	file, outside := strings.CutPrefix(to, elsewhere)
	switch {
	case outside && entering:
		fmt.Fprintf(w, `<span class="file" title="%s, in the repository">`, escaped(file))
	case outside:
		w.WriteString("</span>")
	case html.IsDangerousURL([]byte(to)):
		// the text alone
	case entering:
		fmt.Fprintf(w, `<a href="%s">`, escaped(to))
	default:
		w.WriteString("</a>")
	}
	return ast.WalkContinue, nil
}
