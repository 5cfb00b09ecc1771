package client

import (
	"bytes"
	"encoding/json"

	"tidings/protocol"
)

// Filter makes a subscription hear only the messages that a filter of the Koncorde language matches, such as
// {"equals": {"city": "Bonn"}}. It is marshalled with encoding/json: a json.RawMessage is taken as it is. The server
// refuses a filter that it does not understand with bad_filter, which OnEnd gets, and what is between the messages that
// match is no gap.
func Filter(filter any) Option {
	return func(s *Subscription) { s.key.filter, s.filterErr = normalized(filter) }
}

// normalized returns a filter's JSON with sorted keys, so that the same filter is one subscription however it is
// written. It fails with CodeBadFilter if that is no object.
func normalized(filter any) (string, error) {
	raw, err := json.Marshal(filter)
	if err != nil {
		return "", badFilter("it is no JSON: " + err.Error())
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber() // as they are written
	var object map[string]any
	if err := decoder.Decode(&object); err != nil || object == nil {
		return "", badFilter("it is no JSON object")
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(object); err != nil {
		return "", badFilter(err.Error())
	}
	return string(bytes.TrimSuffix(out.Bytes(), []byte("\n"))), nil
}

func badFilter(reason string) error {
	return &protocol.Error{Code: protocol.CodeBadFilter, Reason: "the filter cannot be sent: " + reason, Hint: `Give a JSON object, such as {"equals": {"city": "Bonn"}}.`}
}

// In makes a subscription hear only messages that its Filter matches, and not those by which a document leaves it.
// Without Filter it hears everything but the removal of documents.
func In(s *Subscription) { s.key.scope = "in" }

// Out makes a subscription hear only messages by which a document leaves what its Filter matches: see Message.Scope.
func Out(s *Subscription) { s.key.scope = protocol.ScopeOut }

// None makes a subscription hear no messages. Its Position goes on.
func None(s *Subscription) { s.key.scope = "none" }
