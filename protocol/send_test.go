package protocol

import (
	"reflect"
	"testing"
)

func TestDecodeSend(t *testing.T) {
	three := uint64(3)
	ping := []ClientFrame{{Type: TypePing}}
	for _, c := range []struct {
		name, in string
		want     Send
		err      string
	}{
		{name: "all of it", in: `{"session":"s","seq":1,"received":3,"frames":[{"type":"ping"}]}`, want: Send{"s", 1, &three, ping, nil}},
		{name: "frames first, unknown fields", in: `{"frames":[{"type":"ping"}],"more":{},"seq":9007199254740991,"session":"s"}`, want: Send{"s", MaxInteger, nil, ping, nil}},
		{name: "no frames: only a count", in: `{"session":"s","seq":2,"received":3,"frames":[]}`, want: Send{"s", 2, &three, []ClientFrame{}, nil}},
		{name: "session is missing", in: `{"seq":1,"frames":[]}`, err: `bad_request: field "session" is missing`},
		{name: "session is empty", in: `{"session":"","seq":1,"frames":[]}`, err: `bad_request: field "session" is empty`},
		{name: "seq is missing", in: `{"session":"s","frames":[]}`, err: `bad_request: field "seq" is missing`},
		{name: "seq 0", in: `{"session":"s","seq":0,"frames":[]}`, err: `bad_request: field "seq" must be an integer from 1 to 9007199254740991`},
		{name: "seq is a string", in: `{"session":"s","seq":"1","frames":[]}`, err: `bad_request: field "seq" must be an integer from 1 to 9007199254740991`},
		{name: "received is negative", in: `{"session":"s","seq":1,"received":-1,"frames":[]}`, err: `bad_request: field "received" must be an integer from 0 to 9007199254740991`},
		{name: "frames are missing", in: `{"session":"s","seq":1}`, err: `bad_request: field "frames" is missing`},
		{name: "frames are one frame", in: `{"session":"s","seq":1,"frames":{"type":"ping"}}`, err: `bad_request: field "frames" must be an array`},
		{name: "a bad frame", in: `{"session":"s","seq":1,"frames":[{"type":"ping","id":2,"received":5},{"type":"presence","id":1}]}`,
			want: Send{"s", 1, nil, []ClientFrame{{Type: TypePing, ID: 2}, {Type: TypePresence, ID: 1}}, missing(fChannel).(*Error)}},
		{name: "a bad frame that is no request", in: `{"session":"s","seq":1,"frames":[{"type":"nonsense"}]}`, err: `unknown_type: no such type of frame`},
		{name: "a bad frame of no session", in: `{"seq":1,"frames":[{"type":"presence","id":1}]}`, err: `bad_request: field "session" is missing`},
		{name: "a bad frame and bad JSON", in: `{"session":"s","seq":1,"frames":[{"type":"presence","id":1}]`, err: `bad_json: ` + whyEnds},
		{name: "an array", in: `[]`, err: `bad_request: must be a JSON object`},
		{name: "frames twice", in: `{"session":"s","seq":1,"frames":[],"frames":[]}`, err: `bad_json: ` + whyTwice},
		{name: "garbage after it", in: `{"session":"s","seq":1,"frames":[]}{}`, err: `bad_json: ` + whyTrailing},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := DecodeSend([]byte(c.in))
			if c.err != "" {
				if err == nil || err.Error() != c.err || !reflect.DeepEqual(got, Send{}) {
					t.Fatalf("%s: got %+v, %v, want %s", c.in, got, err, c.err)
				}
				return
			}
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Fatalf("%s: got %+v, %v, want %+v", c.in, got, err, c.want)
			}
		})
	}
}

func TestPollAnswer(t *testing.T) {
	pong := Encode(&ServerFrame{Type: TypePong, ID: 1})
	m := (&Message{Channel: "a", Offset: 1, Tag: "t", ID: "i", Data: []byte(`"x"`)}).Encoded()
	for _, c := range []struct {
		frames       []*Encoded
		cursor, want string
	}{
		{nil, "0", `{"frames":[],"cursor":0}`},
		{[]*Encoded{pong}, "17", `{"frames":[{"type":"pong","id":1}],"cursor":17}`},
		{[]*Encoded{pong, m}, `"e:1:t,-"`, `{"frames":[{"type":"pong","id":1},{"type":"message","channel":"a","offset":1,"tag":"t","id":"i","time":0,"data":"x"}],"cursor":"e:1:t,-"}`},
	} {
		wire := AppendPollAnswer(nil, c.frames, c.cursor)
		if string(wire) != c.want {
			t.Errorf("got %s, want %s", wire, c.want)
		}
		frames, cursor, err := DecodePollAnswer(wire)
		if plain := string(appendString(nil, cursor)); err != nil || len(frames) != len(c.frames) || cursor != c.cursor && plain != c.cursor {
			t.Errorf("%s: got %+v, %q, %v", wire, frames, cursor, err)
		}
	}
	for in, want := range map[string]Code{
		`{"frames":[]}`: CodeBadRequest, `{"cursor":1}`: CodeBadRequest, `{"frames":{},"cursor":1}`: CodeBadRequest, `{"frames":[],"cursor":-1}`: CodeBadRequest,
		`{"frames":[],"cursor":null}`: CodeBadRequest, `{"frames":[{}],"cursor":1}`: CodeBadRequest, `[]`: CodeBadRequest, `{"frames":[`: CodeBadJSON, ``: CodeBadJSON,
	} {
		if frames, _, err := DecodePollAnswer([]byte(in)); codeOf(err) != want || frames != nil {
			t.Errorf("%s: got %v, %v, want %s", in, frames, err, want)
		}
	}
}
