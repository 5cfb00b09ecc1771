package store

import (
	"bytes"
	"slices"
	"strings"

	"tidings/protocol"
)

// object is a JSON object, its members in their order. The values are compact JSON.
type object []member

type member struct {
	name  string
	value []byte
}

// readObject fails as protocol.ReadObject does.
func readObject(raw []byte) (o object, err error) {
	err = protocol.ReadObject(raw, func(name string, value []byte) error {
		o = append(o, member{name, value})
		return nil
	})
	return o, err
}

func (o object) find(name string) int {
	return slices.IndexFunc(o, func(m member) bool { return m.name == name })
}

// append appends the members without the braces.
func (o object) append(dst []byte) []byte {
	for i, m := range o {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(appendText(dst, m.name), ':'), m.value...)
	}
	return dst
}

func (o object) json() []byte { return append(o.append([]byte{'{'}), '}') }

func isObject(value []byte) bool { return len(value) > 0 && value[0] == '{' }

// merge puts the members of patch into o: objects are merged, all else is replaced, null is a value.
func merge(o, patch object) (object, error) {
	out := slices.Clone(o)
	for _, m := range patch {
		i := out.find(m.name)
		switch {
		case i < 0:
			out = append(out, m)
		case isObject(m.value) && isObject(out[i].value):
			inner, err := mergeRaw(out[i].value, m.value)
			if err != nil {
				return nil, err
			}
			out[i].value = inner
		default:
			out[i].value = m.value
		}
	}
	return out, nil
}

func mergeRaw(old, patch []byte) ([]byte, error) {
	a, err := readObject(old)
	if err != nil {
		return nil, err
	}
	b, err := readObject(patch)
	if err != nil {
		return nil, err
	}
	merged, err := merge(a, b)
	return merged.json(), err
}

// without returns o without a field such as "driver.name".
func (o object) without(path string) (object, error) {
	out := slices.DeleteFunc(slices.Clone(o), func(m member) bool { return m.name == path })
	for i, m := range out {
		rest, ok := strings.CutPrefix(path, m.name+".")
		if !ok || !isObject(m.value) {
			continue
		}
		inner, err := readObject(m.value)
		if err == nil {
			inner, err = inner.without(rest)
		}
		if err != nil {
			return nil, err
		}
		out[i].value = inner.json()
	}
	return out, nil
}

// differences appends the paths at which two objects differ. Below an array it does not look.
func differences(paths []string, at string, a, b object) []string {
	for _, m := range a {
		if i := b.find(m.name); i < 0 {
			paths = append(paths, at+m.name)
		} else if !bytes.Equal(m.value, b[i].value) {
			paths = differ(paths, at+m.name, m.value, b[i].value)
		}
	}
	for _, m := range b {
		if a.find(m.name) < 0 {
			paths = append(paths, at+m.name)
		}
	}
	return paths
}

func differ(paths []string, at string, a, b []byte) []string {
	if isObject(a) && isObject(b) {
		x, errX := readObject(a)
		y, errY := readObject(b)
		if errX == nil && errY == nil {
			return differences(paths, at+".", x, y)
		}
	}
	return append(paths, at)
}

// ChangedPaths returns protocol.Extra.Changed of two documents, nil if one of them is no JSON object.
func ChangedPaths(before, after []byte) []byte {
	a, errA := readObject(before)
	b, errB := readObject(after)
	if errA != nil || errB != nil {
		return nil
	}
	return changedPaths(a.content(), b.content())
}

// content returns a document's members but for what the store adds.
func (o object) content() object {
	return slices.DeleteFunc(slices.Clone(o), func(m member) bool { return m.name == "_id" || m.name == "_version" || m.name == "_info" })
}

// changedPaths returns protocol.Extra.Changed of two contents.
func changedPaths(before, after object) []byte {
	paths := differences(nil, "", before, after)
	if len(paths) == 0 || len(paths) > protocol.MaxChangedPaths {
		return nil
	}
	slices.Sort(paths)
	dst := []byte{'['}
	for i, path := range paths {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendText(dst, path)
	}
	if dst = append(dst, ']'); len(dst) > protocol.MaxChangedBytes {
		return nil
	}
	return dst
}

const hexDigits = "0123456789abcdef"

// appendText appends a JSON string.
func appendText(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		switch b := s[i]; {
		case b == '"' || b == '\\':
			dst = append(dst, '\\', b)
		case b < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[b>>4], hexDigits[b&15])
		default:
			dst = append(dst, b)
		}
	}
	return append(dst, '"')
}
