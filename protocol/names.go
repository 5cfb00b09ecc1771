package protocol

// names are the members that one object has so far: a few as places in the text, more of them as a map, so that neither
// a small object allocates nor a large one takes quadratic time.
type names struct {
	few  [fewNames]span
	n    int
	many map[string]struct{}
}

const fewNames = 16

// span is where a name stands in the text, between its quotes.
type span struct {
	from, to int
	escaped  bool
}

func (p span) name(text []byte) []byte {
	if p.escaped {
		return unescape(text[p.from:p.to])
	}
	return text[p.from:p.to]
}

// add takes a name, unescaped, and where it stands; it says whether the name is new.
func (seen *names) add(text, name []byte, at span) bool {
	if seen.many == nil && seen.n < fewNames {
		for _, p := range seen.few[:seen.n] {
			if string(p.name(text)) == string(name) {
				return false
			}
		}
		seen.few[seen.n] = at
		seen.n++
		return true
	}
	if seen.many == nil {
		seen.many = make(map[string]struct{}, 4*fewNames)
		for _, p := range seen.few {
			seen.many[string(p.name(text))] = struct{}{}
		}
	}
	before := len(seen.many)
	seen.many[string(name)] = struct{}{}
	return len(seen.many) > before
}
