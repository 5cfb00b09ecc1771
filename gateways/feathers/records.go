package feathers

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"

	"tidings/protocol"
)

// appendRecord appends a document as a record of a service: id in the place of _id, createdAt and updatedAt in that of
// _info unless the content has those names, and no _version. What is no object is appended as it is.
func appendRecord(dst, document []byte) []byte {
	var id []byte
	var info struct {
		CreatedAt, UpdatedAt int64
	}
	own := map[string]bool{}
	rest := make([]byte, 0, len(document))
	err := protocol.ReadObject(document, func(name string, value []byte) error {
		switch name {
		case "_id":
			id = value
		case "_version":
		case "_info":
			json.Unmarshal(value, &info) // written by the store
		default:
			own[name] = true
			rest = append(append(append(append(rest, ','), quote(name)...), ':'), value...)
		}
		return nil
	})
	if err != nil {
		return append(dst, document...)
	}
	var b []byte
	if id != nil && !own["id"] {
		b = append(append(b, `,"id":`...), id...)
	}
	b = append(b, rest...)
	for _, at := range []struct {
		name string
		ms   int64
	}{{"createdAt", info.CreatedAt}, {"updatedAt", info.UpdatedAt}} {
		if at.ms != 0 && !own[at.name] {
			b = append(b, `,"`+at.name+`":"`+time.UnixMilli(at.ms).UTC().Format("2006-01-02T15:04:05.000Z")+`"`...)
		}
	}
	return append(append(append(dst, '{'), bytes.TrimPrefix(b, []byte{','})...), '}')
}

// quote returns a text as JSON.
func quote(text string) []byte {
	b, err := json.Marshal(text)
	if err != nil {
		return strconv.AppendQuote(nil, text) // a string always has a form
	}
	return b
}

// content returns what is kept of a record that a client sends: without the names that are the store's, and its id.
func content(record []byte) (kept []byte, id string, fault *Fault) {
	kept = []byte{'{'}
	err := protocol.ReadObject(record, func(name string, value []byte) error {
		switch name {
		case "id":
			if json.Unmarshal(value, &id) != nil {
				id = string(value) // a number
			}
		case "_id", "_version", "_info", "createdAt", "updatedAt":
		default:
			if len(kept) > 1 {
				kept = append(kept, ',')
			}
			kept = append(append(append(kept, quote(name)...), ':'), value...)
		}
		return nil
	})
	if err != nil {
		return nil, "", badRequest.because("data must be an object: " + protocol.AsError(err).Reason)
	}
	return append(kept, '}'), id, nil
}
