package protocol

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Abuse of the wire, by the rows of the reliability plan. Rows that only need one input each are vectors in
// testdata/frames.json and channels.json (B32, B37 to B43, B45, B47, B48, B50, B51, B53); here is what must be made,
// measured or tried for every field.

func refusedWith(t *testing.T, want Code, wire string) {
	t.Helper()
	if frames, err := DecodeClientFrames([]byte(wire)); codeOf(err) != want {
		t.Errorf("%.80q: got %v, %v, want %s", wire, frames, err, want)
	}
}

func TestB26NotUTF8(t *testing.T) {
	refusedWith(t, CodeBadUTF8, "{\"type\":\"publish\",\"id\":1,\"channel\":\"a\",\"data\":\"\xff\"}")
	refusedWith(t, CodeBadUTF8, "{\"type\":\"ping\"}\x80")
	refusedWith(t, CodeBadUTF8, "{\"type\":\"ping\",\"x\":\"\xed\xa0\x80\"}")
	if _, err := DecodeSend([]byte("{\"session\":\"\xc0\xaf\"}")); codeOf(err) != CodeBadUTF8 {
		t.Errorf("send: %v", err)
	}
}

func TestB32NothingInIt(t *testing.T) {
	for _, wire := range []string{"", " ", "\n", strings.Repeat(" ", 1<<20)} {
		refusedWith(t, CodeBadJSON, wire)
	}
}

func TestB34FloodInOneMessage(t *testing.T) {
	refusedWith(t, CodeTooLarge, "["+strings.Repeat("{},", 100_000)+"{}]")
	refusedWith(t, CodeBadJSON, strings.Repeat("\n", 1<<20))
	refusedWith(t, CodeTooLarge, "["+strings.Repeat(`{"type":"ping"},`, MaxFrames)+`{"type":"ping"}]`)
	if frames, err := DecodeClientFrames([]byte("[" + strings.Repeat(`{"type":"ping"},`, MaxFrames-1) + `{"type":"ping"}]`)); err != nil || len(frames) != MaxFrames {
		t.Errorf("%d frames: %v", len(frames), err)
	}
	body := `{"session":"s","seq":1,"frames":[` + strings.Repeat(`{"type":"ping"},`, MaxFrames) + `{"type":"ping"}]}`
	if _, err := DecodeSend([]byte(body)); codeOf(err) != CodeTooLarge {
		t.Errorf("send: %v", err)
	}
	flood := []byte("[" + strings.Repeat("{},", 100_000) + "{}]")
	allocated := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			DecodeClientFrames(flood)
		}
	}).AllocedBytesPerOp()
	if allocated > 256<<10 {
		t.Errorf("%d bytes allocated for a flood of frames", allocated)
	}
}

func TestB34ManyTokens(t *testing.T) {
	refusedWith(t, CodeBadJSON, `{"type":"ping","x":[`+strings.Repeat("0,", MaxTokens)+`0]}`)
	refusedWith(t, CodeBadJSON, `{"type":"publish","id":1,"channel":"a","data":[`+strings.Repeat("0,", MaxTokens)+`0]}`)
}

func TestB34PayloadAboveItsLimit(t *testing.T) {
	publish := func(data string) string { return `{"type":"publish","id":1,"channel":"a","data":` + data + `}` }
	refusedWith(t, "", publish(`["`+strings.Repeat("x", MaxPayloadBytes-4)+`" ]`)) // white space is not counted
	refusedWith(t, CodeTooLarge, publish(`"`+strings.Repeat("x", MaxPayloadBytes-1)+`"`))
}

func TestB36Nesting(t *testing.T) {
	nest := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	data := func(v string) string { return `{"type":"publish","id":1,"channel":"a","data":` + v + `}` }
	refusedWith(t, "", data(nest(MaxDepth)))
	refusedWith(t, "", "["+data(nest(MaxDepth))+"]") // what one entrance takes, every other takes
	refusedWith(t, CodeBadJSON, data(nest(MaxDepth+1)))
	refusedWith(t, "", `{"type":"ping","x":`+nest(MaxDepth-1)+`}`)
	refusedWith(t, CodeBadJSON, `{"type":"ping","x":`+nest(MaxDepth)+`}`)
	refusedWith(t, CodeBadJSON, strings.Repeat("[", 1<<20))
	refusedWith(t, CodeBadJSON, strings.Repeat(`{"data":`, 1<<17))
	refusedWith(t, CodeBadJSON, data(strings.Repeat(`{"a":`, 1<<17)))
	m := Message{Channel: "a", Epoch: "e", Offset: 1, Data: []byte(nest(MaxDepth))}
	history := AppendServerFrame(nil, &ServerFrame{Type: TypeReply, ID: 1, Messages: []*Message{&m}})
	if _, err := DecodeServerFrames(history); err != nil {
		t.Errorf("the deepest data in a history answer: %v", err)
	}
}

// One parse decides: permission and use cannot see different channels.
func TestB37NoSecondMeaning(t *testing.T) {
	for _, key := range []string{"type", "id", "channel", "data", "event", "anything"} {
		refusedWith(t, CodeBadJSON, fmt.Sprintf(`{"type":"publish","id":1,"channel":"a","data":1,"event":"e","anything":1,%q:"b"}`, key))
		escaped := fmt.Sprintf(`\u%04x`, key[0]) + key[1:]
		refusedWith(t, CodeBadJSON, fmt.Sprintf(`{"type":"publish","id":1,"channel":"a","data":1,"event":"e","anything":1,"%s":"b"}`, escaped))
		refusedWith(t, CodeBadJSON, fmt.Sprintf(`{"%s":"b","type":"publish","id":1,"channel":"a","data":1,"event":"e","anything":1}`, escaped))
	}
	var many strings.Builder // beyond what is compared one by one
	for i := range 2 * fewNames {
		fmt.Fprintf(&many, `"\u0061%d":0,`, i)
	}
	refusedWith(t, "", `{"type":"ping",`+many.String()+`"z":0}`)
	refusedWith(t, CodeBadJSON, `{"type":"ping",`+many.String()+`"a0":0}`)
}

func TestB40DataIsKeptByteForByte(t *testing.T) {
	for _, data := range []string{`"\ud800"`, `"\udfff\ud800"`, `"\uD83D"`, `"A\u0000"`, `{"\ud800":1}`, `"\u2028\/"`} {
		wire := `{"type":"publish","id":1,"channel":"a","data":` + data + `}`
		frames, err := DecodeClientFrames([]byte(wire))
		if err != nil || string(frames[0].Data) != data {
			t.Errorf("%s: got %v, %v", data, frames, err)
		}
	}
}

func TestB41BigNumbers(t *testing.T) {
	long := strings.Repeat("9", 60_000)
	for _, n := range []string{"1e999", "9007199254740993", "-1e-999", long, "0." + long} {
		frames, err := DecodeClientFrames([]byte(`{"type":"publish","id":1,"channel":"a","data":` + n + `}`))
		if err != nil || string(frames[0].Data) != n {
			t.Errorf("%.20s as data: %v", n, err)
		}
		refusedWith(t, CodeBadRequest, `{"type":"presence","id":`+n+`,"channel":"a"}`)
		refusedWith(t, CodeBadRequest, `{"type":"ping","received":`+n+`}`)
	}
}

// goodValues are right for each field that a frame must have, and for the parts of a position.
var goodValues = map[field]string{fID: `1`, fChannel: `"a"`, fData: `1`, fToken: `"t"`, fSession: `"s"`, fReceived: `1`, fMethod: `"m"`, fConnection: `"c"`,
	fResumed: `true`, fGeneration: `1`, fAttempt: `1`, fVersion: `1`, fHeartbeat: `1`, fPark: `1`, fLimits: `{}`, fEpoch: `"e"`, fOffset: `1`, fTag: `"t"`, fRecovered: `true`,
	fTime: `1`, fReason: `"r"`, fFrom: `{"epoch":"e","offset":1}`, fCode: `"c"`, fMessage: `"m"`, fHint: `"h"`, fRetry: `true`, fMembers: `[]`, fCount: `1`, fEvent: `"e"`}

// frameWith gives a frame that is right but for one field; left out where value is "".
func frameWith(sh *shape, at field, value string) string {
	wire := fmt.Sprintf(`{"type":%q`, sh.name)
	for f := fID; f < fieldCount; f++ {
		ofPosition := f == fEpoch || f == fOffset || f == fTag
		needed := slices.Contains(sh.must, f) || ofPosition && sh.has(f)
		switch v := goodValues[f]; {
		case f == at && value != "":
			wire += fmt.Sprintf(`,%q:%s`, f, value)
		case f == fID && sh.name == TypeMessage && f != at: // there it is a string
			wire += `,"id":"i"`
		case needed && f != at:
			wire += fmt.Sprintf(`,%q:%s`, f, v)
		}
	}
	return wire + "}"
}

// kindOf says what JSON type the field of that frame has; "" where any will do.
func kindOf(sh *shape, f field) string {
	switch f {
	case fData:
		return ""
	case fID:
		if sh.name == TypeMessage {
			return "string"
		}
		return "number"
	case fReceived, fGeneration, fAttempt, fVersion, fHeartbeat, fPark, fLimit, fOffset, fTime, fPrev, fAfter, fSpread, fCount, fTTL, fChange, fTxn, fMax:
		return "number"
	case fResumed, fRecovered, fRetry, fVolatile, fComplete, fAnew:
		return "truth"
	case fFilter, fLimits, fSince, fLast, fFrom, fMeta:
		return "object"
	case fMessages, fMembers, fChanged:
		return "array"
	}
	return "string"
}

// Every field of every frame with every wrong type: refused by name, without a panic.
func TestB44_WrongTypeInEachField(t *testing.T) {
	values := [][2]string{{"string", `"x"`}, {"string", `""`}, {"number", `7`}, {"a negative number", `-7`}, {"a fraction", `0.5`}, {"truth", `true`},
		{"truth", `false`}, {"null", `null`}, {"object", `{}`}, {"array", `[]`}, {"array", `[{"a":[]}]`}}
	tried := 0
	each := func(shapes map[string]*shape, decode func([]byte) error) {
		for _, sh := range shapes {
			for _, at := range slices.Concat(sh.must, sh.may) {
				for _, v := range values {
					if want := kindOf(sh, at); want == "" || want == v[0] {
						continue
					}
					if sh.name == TypeRefresh && at == fToken && v[0] == "null" { // signs out
						continue
					}
					if at == fExclude && sh.name == TypePublish && v[1] == `true` {
						continue // the connection itself, beside the name of a tab
					}
					wire := frameWith(sh, at, v[1])
					err := decode([]byte(wire))
					if codeOf(err) != CodeBadRequest || !strings.Contains(err.Error(), `"`+at.String()+`"`) {
						t.Errorf("%s: got %v, want bad_request naming %q", wire, err, at)
					}
					tried++
				}
			}
		}
	}
	each(clientShapes, func(b []byte) error { _, err := DecodeClientFrames(b); return err })
	each(serverShapes, func(b []byte) error { _, err := DecodeServerFrames(b); return err })
	if tried < 500 {
		t.Errorf("only %d inputs", tried)
	}
}

func TestB44_EachMissingField(t *testing.T) {
	each := func(shapes map[string]*shape, decode func([]byte) error) {
		for _, sh := range shapes {
			if wire := frameWith(sh, noField, ""); decode([]byte(wire)) != nil {
				t.Errorf("%s: %v", wire, decode([]byte(wire)))
			}
			for _, at := range sh.must {
				wire := frameWith(sh, at, "")
				err := decode([]byte(wire))
				if want := `bad_request: field "` + at.String() + `" is missing`; err == nil || err.Error() != want {
					t.Errorf("%s: got %v, want %s", wire, err, want)
				}
			}
		}
	}
	each(clientShapes, func(b []byte) error { _, err := DecodeClientFrames(b); return err })
	each(serverShapes, func(b []byte) error { _, err := DecodeServerFrames(b); return err })
}

// A frame is one line, so that one `data:` line always suffices.
func TestB46OneEventOneLine(t *testing.T) {
	for _, data := range []string{`"</script>"`, "\"\u2028\u2029\"", `"\r\n\r\nid: 9\ndata: x"`, "{\n\"a\":\r\n 1\n}", "\"\u0085\""} {
		compact, err := CompactJSON([]byte(data))
		if err != nil {
			t.Fatal(err)
		}
		m := &Message{Channel: "a", Offset: 1, Tag: "t", ID: "i\nid: 7\r", Event: "e\n\ndata: x", Data: compact}
		event := m.Encoded().SSE()
		body, ok := bytes.CutPrefix(bytes.TrimSuffix(event, []byte("\n\n")), []byte("data: "))
		if !ok || bytes.ContainsAny(body, "\r\n") {
			t.Errorf("%q: not one line: %q", data, event)
		}
		frames, err := DecodeServerFrames(body)
		if err != nil || !bytes.Equal(frames[0].Msg.Data, compact) || frames[0].Msg.Event != m.Event {
			t.Errorf("%q: got %+v, %v", data, frames, err)
		}
	}
}

// B52: names are compared byte for byte and never folded or normalised; the types for keys are structs' business
// elsewhere.
func TestB51_B52_NamesStayApart(t *testing.T) {
	seen := map[Channel]string{}
	for _, name := range []string{"room:a_b", "room:a:b", "room/a_b", "Room:a_b", "room:a.b", "room:a~b", "room:a-b"} {
		ch, err := ParseChannel(name)
		if err != nil {
			t.Fatal(err)
		}
		if other, twice := seen[ch]; twice {
			t.Errorf("%q and %q are one channel", name, other)
		}
		seen[ch] = name
	}
	for _, name := range []string{"z\u00fcrich", "zu\u0308rich", "\u0430dmin", "\u212a"} { // composed, decomposed, Cyrillic a, KELVIN SIGN
		if _, err := ParseChannel(name); codeOf(err) != CodeBadChannel {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// No error repeats what was sent: it may be a secret, or markup.
func TestErrorsEchoNothing(t *testing.T) {
	const secret = "S3CR3Tx"
	for _, wire := range []string{
		secret, `"` + secret, `{"` + secret + `"`, `{"` + secret + `":1,"` + secret + `":2}`, `{"type":"` + secret + `"}`, `{"type":"connect","token":{"a":"` + secret + `"}}`,
		`{"type":"publish","id":"` + secret + `","channel":"a","data":1}`, `{"type":"subscribe","id":1,"channel":"` + secret + ` "}`, `{"type":"subscribe","id":1,"channel":"$` + secret + `"}`,
		`{"type":"subscribe","id":1,"channel":"a","since":{"epoch":"` + secret + ` ","offset":1}}`, `{"type":"ping"}` + secret, `{"type":"connect","session":"` + strings.Repeat(secret, 99) + `"}`,
	} {
		_, err := DecodeClientFrames([]byte(wire))
		if err == nil || strings.Contains(err.Error(), secret) || strings.Contains(err.(*Error).Hint, secret) {
			t.Errorf("%s: %v", wire, err)
		}
		if wire := AppendError(nil, err.(*Error)); !json.Valid(wire) || bytes.Contains(wire, []byte(secret)) {
			t.Errorf("%s", wire)
		}
	}
}

// Every request of a refused message can be answered by its id, and none can be carried out.
func TestRefusedFramesKeepTheirIDs(t *testing.T) {
	frames, err := DecodeClientFrames([]byte(`[{"type":"publish","id":1,"channel":"a","data":1},{"type":"publish","id":2,"channel":"a b","data":1},{"type":"shout","id":3},{"id":"x"}]`))
	want := "[{publish 1} {publish 2} { 3} { 0}]"
	var got []struct {
		Type string
		ID   uint64
	}
	for _, f := range frames {
		got = append(got, struct {
			Type string
			ID   uint64
		}{f.Type, f.ID})
		if f.Channel != "" || f.Data != nil {
			t.Errorf("a refused frame kept %+v", f)
		}
	}
	if codeOf(err) != CodeBadChannel || fmt.Sprint(got) != want {
		t.Fatalf("got %v, %v, want %s", got, err, want)
	}
	if frames, err := DecodeClientFrames([]byte(`[{"type":"publish","id":1,"channel":"a","data":1},`)); frames != nil || codeOf(err) != CodeBadJSON {
		t.Fatalf("got %v, %v", frames, err)
	}
}

// Transports use their read buffers again.
func TestDecodersKeepNothingOfTheInput(t *testing.T) {
	wire := []byte(`[{"type":"publish","id":1,"channel":"chan","data":{"a":"bcd"},"event":"ev","idempotencyKey":"key"},{"type":"subscribe","id":2,"channel":"chan","since":{"epoch":"ep","offset":1,"tag":"tg"},"filter":{"f":1}}]`)
	frames, err := DecodeClientFrames(wire)
	if err != nil {
		t.Fatal(err)
	}
	before := string(AppendClientFrames(nil, frames))
	server := []byte(`{"type":"message","channel":"chan","offset":1,"id":"idid","tag":"tg","data":"abc","time":1,"event":"ev"}`)
	answers, err := DecodeServerFrames(server)
	if err != nil {
		t.Fatal(err)
	}
	beforeServer := string(AppendServerFrame(nil, &answers[0]))
	for _, b := range [][]byte{wire, server} {
		for i := range b {
			b[i] = 'X'
		}
	}
	if after := string(AppendClientFrames(nil, frames)); after != before {
		t.Errorf("client frames changed:\n%s\n%s", before, after)
	}
	if after := string(AppendServerFrame(nil, &answers[0])); after != beforeServer {
		t.Errorf("server frames changed:\n%s\n%s", beforeServer, after)
	}
}
