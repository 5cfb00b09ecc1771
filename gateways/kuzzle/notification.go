package kuzzle

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"tidings/protocol"
)

// origin is what a gateway notes on a message for the others: protocol.Extra's Origin.
type origin struct {
	Protocol   string `json:"protocol"`
	Request    string `json:"request"`
	Controller string `json:"controller,omitempty"`
	Action     string `json:"action,omitempty"`
}

// originOf returns what a message says of its cause. A message of a native client has the id of the message for a
// request.
func originOf(m *protocol.Message) origin {
	o := origin{Protocol: "websocket", Request: m.ID}
	if m.Extra != nil && m.Extra.Origin != nil {
		json.Unmarshal(m.Extra.Origin, &o) // what is not there stays
	}
	return o
}

// appendNotification appends what a subscriber to a channel hears of a message: out if it takes the document away from
// what the subscriber hears.
func appendNotification(dst []byte, m *protocol.Message, out bool, channel, node string) []byte {
	from := originOf(m)
	controller, action, event := "realtime", "publish", "publish"
	changed := m.Extra != nil && m.Extra.Change != 0
	if changed {
		controller, action, event = "document", actionOf(m.Event), "write"
		if action == "delete" {
			event = "delete"
		}
		if from.Controller == "bulk" {
			controller = from.Controller
		}
	}
	scope := protocol.ScopeIn
	if out {
		scope = protocol.ScopeOut
	}
	dst = append(dst, `{"type":"document","status":200`...)
	dst = appendMember(dst, "action", action)
	dst = appendMember(dst, "scope", scope)
	dst = appendResult(append(dst, `,"result":`...), m, from)
	dst = appendMember(dst, "node", node)
	dst = appendMember(dst, "event", event)
	dst = appendMember(dst, "requestId", from.Request)
	dst = appendInt(dst, "timestamp", m.TimeMS)
	var volatile []byte
	if m.Extra != nil {
		volatile = m.Extra.Meta
	}
	dst = appendRaw(dst, "volatile", volatile)
	dst = appendPlace(dst, m.Channel)
	dst = appendMember(dst, "controller", controller)
	dst = appendMember(dst, "protocol", from.Protocol)
	dst = appendMember(dst, "room", channel)
	return append(dst, '}')
}

// actionOf names the change of a document that a message's event is.
func actionOf(event string) string {
	switch event[strings.LastIndexByte(event, ' ')+1:] { // in a channel of routing the collection stands before it
	case "created":
		return "create"
	case "patched":
		return "update"
	case "removed":
		return "delete"
	}
	return "replace"
}

// appendResult appends the document, or the message, as notifications have it.
func appendResult(dst []byte, m *protocol.Message, from origin) []byte {
	d := split(m.Data, m.Extra != nil && (m.Extra.Change != 0 || m.Extra.Origin != nil))
	dst = append(dst, `{"_id":`...)
	if d.id == nil {
		dst = append(dst, "null"...)
	} else {
		dst = append(dst, d.id...)
	}
	dst = appendRaw(dst, "_source", d.source)
	if m.Extra == nil || m.Extra.Change == 0 {
		return append(dst, '}')
	}
	switch actionOf(m.Event) {
	case "create", "delete":
		if d.version != nil {
			dst = appendRaw(dst, "_version", d.version)
		}
	case "update":
		changed := m.Extra.Changed
		if changed == nil {
			changed = []byte("[]")
		}
		dst = appendRaw(dst, "_updatedFields", changed)
	}
	if a := from.Action; a == "createOrReplace" || a == "mCreateOrReplace" {
		dst = strconv.AppendBool(appendName(dst, "created"), actionOf(m.Event) == "create")
	}
	return append(dst, '}')
}

// document is the content of a message in the parts that Kuzzle has apart.
type document struct {
	id, version []byte // JSON; nil where there is none
	source      []byte
}

// split takes a message's data apart. If ours is set it was written by the store or by a gateway, and has _version and
// _info that are no content.
func split(data []byte, ours bool) document {
	if !bytes.Contains(data, []byte(`"_id"`)) && (!ours || !bytes.Contains(data, []byte(`"_info"`)) && !bytes.Contains(data, []byte(`"_version"`))) {
		return document{source: data}
	}
	d := document{source: append(make([]byte, 0, len(data)+8), '{')}
	err := protocol.ReadObject(data, func(name string, value []byte) error {
		switch {
		case name == "_id":
			d.id = value
			return nil
		case name == "_version" && ours:
			d.version = value
			return nil
		case name == "_info" && ours:
			name, value = kuzzleInfo, kuzzleAuthors(value)
		}
		if len(d.source) > 1 {
			d.source = append(d.source, ',')
		}
		d.source = append(append(appendText(d.source, name), ':'), value...)
		return nil
	})
	if err != nil { // names that stand twice, and the like
		return document{source: data}
	}
	d.source = append(d.source, '}')
	return d
}

// kuzzleAuthors returns the metadata of a document with Kuzzle's name for nobody.
func kuzzleAuthors(info []byte) []byte {
	nobody := []byte(`":"` + anonymous + `"`)
	info = bytes.Replace(info, []byte(`"author":null`), append([]byte(`"author`), nobody...), 1)
	if !bytes.Contains(info, []byte(`"updatedAt":null`)) {
		info = bytes.Replace(info, []byte(`"updater":null`), append([]byte(`"updater`), nobody...), 1)
	}
	return info
}

// kuzzleInfo is what Kuzzle calls the metadata of a document, which is _info in the bus.
const kuzzleInfo = "_kuzzle_info"

// appendPlace appends the index and collection whose channel ch is.
func appendPlace(dst []byte, ch protocol.Channel) []byte {
	index, collection := collectionOf(ch)
	return appendMember(appendMember(dst, "index", index), "collection", collection)
}

// userNews is that somebody came into a room or left it.
type userNews struct {
	left     bool
	count    uint64 // how many are there then
	place    protocol.Channel
	channel  string
	timeMS   int64
	node     string
	volatile []byte
}

func (n *userNews) append(dst []byte) []byte {
	user, action := "in", "subscribe"
	if n.left {
		user, action = "out", "unsubscribe"
	}
	dst = append(dst, `{"type":"user","status":200`...)
	dst = appendMember(dst, "user", user)
	dst = strconv.AppendUint(append(dst, `,"result":{"count":`...), n.count, 10)
	dst = append(dst, '}')
	dst = appendMember(dst, "node", n.node)
	dst = appendInt(dst, "timestamp", n.timeMS)
	dst = appendRaw(dst, "volatile", n.volatile)
	dst = appendPlace(dst, n.place)
	dst = appendMember(dst, "controller", "realtime")
	dst = appendMember(dst, "action", action)
	dst = appendMember(dst, "protocol", "websocket")
	dst = appendMember(dst, "room", n.channel)
	return append(dst, '}')
}

// appendTokenExpired appends what a client hears whose token is over.
func appendTokenExpired(dst []byte, node string) []byte {
	dst = append(dst, `{"status":200,"info":"This is an automated server notification","message":"Authentication Token Expired","type":"TokenExpired"`...)
	dst = appendMember(dst, "node", node)
	return append(appendMember(dst, "room", "kuzzle:notification:server"), '}')
}
