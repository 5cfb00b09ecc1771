package filter

import (
	"encoding/json"
	"regexp"
	"regexp/syntax"
	"strings"

	"tidings/protocol"
)

func (p *parser) exists(v any, path string, _ int) (*node, *protocol.Error) {
	if name, ok := v.(string); ok {
		if name == "" {
			return nil, bad(path, "cannot test empty field name")
		}
		return p.present(name, path)
	}
	o, fault := members(v, path, 1)
	if fault == nil {
		fault = required(o, path, "field")
	}
	if fault != nil {
		return nil, fault
	}
	path = under(path, "field")
	name, fault := text(o.members[0].value, path)
	if fault != nil {
		return nil, fault
	}
	return p.present(name, path)
}

func (p *parser) missing(v any, path string, depth int) (*node, *protocol.Error) {
	n, fault := p.exists(v, path, depth)
	if fault != nil {
		return nil, fault
	}
	return negate(n), nil
}

// present reads "field", or "field[value]" for an array that holds a value. Brackets of a name are written \[ and \].
func (p *parser) present(name, path string) (*node, *protocol.Error) {
	field, raw, isElement := cutElement(name)
	field = strings.NewReplacer(`\[`, `[`, `\]`, `]`).Replace(field)
	if fault := p.field(field); fault != nil {
		return nil, fault
	}
	if !isElement {
		return existsNode(field), p.count(1)
	}
	v, ok := readJSON([]byte(raw))
	switch {
	case !ok:
		return nil, badf(path, "contains an invalid array value (%q)", quoted(raw))
	case !isScalar(v):
		return nothing, p.count(1) // arrays and objects are never the same as another
	}
	return leafNode(field, string(appendElementKey(nil, escaped(field), v)), element{v}), p.count(1)
}

// escaped writes the brackets of a field's name as "exists" wants them.
func escaped(field string) string {
	return strings.NewReplacer(`[`, `\[`, `]`, `\]`).Replace(field)
}

func appendElementKey(dst []byte, escaped string, v any) []byte {
	dst = append(dst, `{"exists":`...)
	return append(appendString(dst, escaped+"["+string(appendJSON(nil, v))+"]"), '}')
}

func existsNode(field string) *node { return leafNode(field, thereKey(field), exists{}) }

// thereKey returns the key of "exists" for a field.
func thereKey(field string) string {
	return string(append(appendString([]byte(`{"exists":`), escaped(field)), '}'))
}

// cutElement splits "field[value]" at its first bracket that no backslash stands before.
func cutElement(name string) (field, value string, ok bool) {
	if !strings.HasSuffix(name, "]") {
		return name, "", false
	}
	for i := 1; i < len(name)-1; i++ {
		if name[i] == '[' && name[i-1] != '\\' {
			return name[:i], name[i+1 : len(name)-1], true
		}
	}
	return name, "", false
}

func (p *parser) regexp(v any, path string, _ int) (*node, *protocol.Error) {
	o, fault := members(v, path, 1)
	if fault != nil {
		return nil, fault
	}
	field, path := o.members[0].name, under(path, o.members[0].name)
	value, flags, fault := expression(o.members[0].value, path)
	if fault != nil {
		return nil, fault
	}
	if fault := p.field(field); fault != nil {
		return nil, fault
	}
	if len(value) > MaxPatternBytes {
		return nil, tooComplex("has a regular expression of more than %d bytes", MaxPatternBytes)
	}
	compiled, size, err := compile(value, flags)
	if err != nil {
		return nil, badf(path, "cannot parse regexp expression (%s)", err)
	}
	key := append(appendString([]byte(`{"regexp":{`), field), ':')
	if flags == "" {
		key = appendString(key, value)
	} else {
		key = append(appendString(append(key, `{"value":`...), value), `,"flags":"`+flags+`"}`...)
	}
	return leafNode(field, string(append(key, "}}"...)), pattern{compiled}), p.count(1 + size/instructionsPerCondition)
}

// instructionsPerCondition is how many instructions of a compiled regular expression count as one condition more, since
// each may be tried at each byte of a string.
const instructionsPerCondition = 16

// expression reads "pattern" or {value, flags}. Of the flags i, m and s count; the others of JavaScript change nothing
// here.
func expression(v any, path string) (value, flags string, fault *protocol.Error) {
	if value, ok := v.(string); ok {
		return value, "", nil
	}
	if _, ok := v.(*object); !ok {
		return "", "", bad(path, "must be either a string or a non-empty object")
	}
	o, fault := filled(v, path)
	if fault == nil {
		fault = required(o, path, "value")
	}
	if fault == nil {
		fault = allowed(o, path, []string{"flags", "value"})
	}
	if fault != nil {
		return "", "", fault
	}
	given, _ := o.get("flags")
	if !isFalsy(given) {
		if flags, fault = text(given, under(path, "flags")); fault != nil {
			return "", "", fault
		}
	}
	v, _ = o.get("value")
	value, ok := v.(string)
	if !ok {
		return "", "", bad(path, "cannot parse regexp expression (it must be a string)")
	}
	return value, effective(flags), nil
}

func effective(flags string) string {
	var known []byte
	for _, f := range "ims" {
		if strings.ContainsRune(flags, f) {
			known = append(known, byte(f))
		}
	}
	return string(known)
}

// compile returns the expression, which takes time in proportion to the string's length whatever it is, and the number
// of its instructions.
func compile(value, flags string) (*regexp.Regexp, int, error) {
	value = inGo(value)
	if flags != "" {
		value = "(?" + flags + ")" + value
	}
	parsed, err := syntax.Parse(value, syntax.Perl)
	if err != nil {
		return nil, 0, err
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, 0, err
	}
	compiled, err := regexp.Compile(value)
	return compiled, len(program.Inst), err
}

// inGo writes the escapes \uXXXX, \u{X} and \cX of JavaScript as Go has them.
func inGo(value string) string {
	if !strings.Contains(value, `\u`) && !strings.Contains(value, `\c`) {
		return value
	}
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		if value[i] != '\\' || i+1 == len(value) {
			b.WriteByte(value[i])
			continue
		}
		written, n := escapeInGo(value[i:])
		b.WriteString(written)
		i += n - 1
	}
	return b.String()
}

// escapeInGo returns the escape at the start of s as Go has it, and its length in s.
func escapeInGo(s string) (written string, n int) {
	switch {
	case s[1] == 'c' && len(s) > 2 && (s[2]|0x20) >= 'a' && (s[2]|0x20) <= 'z':
		const hex = "0123456789abcdef"
		control := s[2] & 0x1f
		return `\x` + string([]byte{hex[control>>4], hex[control&15]}), 3
	case s[1] == 'u' && strings.HasPrefix(s[2:], "{"):
		if end := strings.IndexByte(s, '}'); end > 3 {
			return `\x` + s[2:end+1], end + 1
		}
	case s[1] == 'u' && len(s) >= 6 && json.Valid([]byte(`"`+s[:6]+`"`)):
		return `\x{` + s[2:6] + `}`, 6
	}
	return s[:2], 2
}
