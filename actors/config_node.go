package actors

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"tidings/protocol"
)

// NodeConfig is what a node is called among several, and where the others reach it. It counts with a broker.Cluster
// alone.
type NodeConfig struct {
	// ID is protocol.NodeIDBytes characters of A-Z a-z 0-9 - _, another one for each start of a process. Sessions and
	// connections of the node have names that begin with it. Empty means one that is drawn.
	ID string
	// URL is where other nodes reach this one, scheme and host without a path. Empty means that they do not: what comes
	// to them for a session of this node is answered with CodeSessionGone.
	URL string
	// Version is that of the program.
	Version string
	// Settings returns a digest of each part of the settings that must be equal on all nodes, by name. Nil: none.
	Settings func() map[string]string
}

func (c NodeConfig) validate() error {
	if c.ID != "" && !protocol.GoodNodeID(c.ID) {
		return errors.New("Node.ID: it must be 8 characters of A-Z a-z 0-9 - _")
	}
	return nil
}

// drawNodeID returns a random id of a node.
func drawNodeID() string {
	var b [protocol.NodeIDBytes * 3 / 4]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}
