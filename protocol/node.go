package protocol

// NodeIDBytes is how long the id of a node is. With several nodes the names of sessions and connections begin with that
// of theirs, and a dot.
const NodeIDBytes = 8

// GoodNodeID reports whether that can be the id of a node: NodeIDBytes characters of A-Z a-z 0-9 - _.
func GoodNodeID(id string) bool {
	if len(id) != NodeIDBytes {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}
