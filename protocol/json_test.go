package protocol

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestCompactJSON(t *testing.T) {
	for _, c := range []struct {
		name, in, want string
		code           Code
	}{
		{name: "a number", in: `7`, want: `7`},
		{name: "space around", in: " \t7\r\n", want: `7`},
		{name: "space inside", in: "{ \"a\" :\n[ 1 , 2 ] }", want: `{"a":[1,2]}`},
		{name: "space in strings stays", in: `[ " a  \" b " ]`, want: `[" a  \" b "]`},
		{name: "a backslash before the quote that ends", in: `[ "\\" , " " ]`, want: `["\\"," "]`},
		{name: "empty object with space", in: `{ }`, want: `{}`},
		{name: "empty array with space", in: `[ ]`, want: `[]`},
		{name: "duplicate keys stay", in: `{"a":1, "a":2}`, want: `{"a":1,"a":2}`},
		{name: "lone surrogates stay", in: `"\ud800 \udc00"`, want: `"\ud800 \udc00"`},
		{name: "numbers stay", in: `[1e999, -0, 1.50, 9007199254740993]`, want: `[1e999,-0,1.50,9007199254740993]`},
		{name: "escapes stay", in: `"\u0041\/"`, want: `"\u0041\/"`},
		{name: "line separator stays", in: "\"\u2028\"", want: "\"\u2028\""},
		{name: "longest", in: `"` + strings.Repeat("x", MaxPayloadBytes-2) + `"`, want: `"` + strings.Repeat("x", MaxPayloadBytes-2) + `"`},
		{name: "longest with space around", in: ` "` + strings.Repeat("x", MaxPayloadBytes-2) + `" `, want: `"` + strings.Repeat("x", MaxPayloadBytes-2) + `"`},
		{name: "longest after compaction", in: `["` + strings.Repeat("x", MaxPayloadBytes-4) + `" ]`, want: `["` + strings.Repeat("x", MaxPayloadBytes-4) + `"]`},
		{name: "one byte too long", in: `"` + strings.Repeat("x", MaxPayloadBytes-1) + `"`, code: CodeTooLarge},
		{name: "deepest", in: strings.Repeat("[", 32) + strings.Repeat("]", 32), want: strings.Repeat("[", 32) + strings.Repeat("]", 32)},
		{name: "too deep", in: strings.Repeat("[", 33) + strings.Repeat("]", 33), code: CodeBadJSON},
		{name: "most tokens", in: "[" + strings.Repeat("0,", MaxTokens-3) + "0]", want: "[" + strings.Repeat("0,", MaxTokens-3) + "0]"},
		{name: "one token too many", in: "[" + strings.Repeat("0,", MaxTokens-2) + "0]", code: CodeBadJSON},
		{name: "not UTF-8", in: "\"\xff\"", code: CodeBadUTF8},
		{name: "a surrogate as UTF-8", in: "\"\xed\xa0\x80\"", code: CodeBadUTF8},
		{name: "empty", in: ``, code: CodeBadJSON},
		{name: "two values", in: `1 2`, code: CodeBadJSON},
		{name: "byte order mark", in: "\ufeff1", code: CodeBadJSON},
		{name: "ends in an escape", in: `"a\`, code: CodeBadJSON},
		{name: "no-break space", in: "\u00a01", code: CodeBadJSON},
		{name: "form feed", in: "\f1", code: CodeBadJSON},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := CompactJSON([]byte(c.in))
			if codeOf(err) != c.code || string(got) != c.want {
				t.Fatalf("%.60q: got %.60q, %v, want %.60q, %q", c.in, got, err, c.want, c.code)
			}
		})
	}
}

func TestCompactJSONCopiesOnlyWhereItMust(t *testing.T) {
	raw := []byte(` {"a":1} `)
	v, err := CompactJSON(raw)
	if err != nil || &v[0] != &raw[1] || cap(v) != len(v) {
		t.Fatalf("%q is not the middle of raw, or can grow over its end (%v)", v, err)
	}
}

func TestReadObject(t *testing.T) {
	for _, c := range []struct{ name, in, want, err string }{
		{name: "in order, as written", in: ` { "b" : [1, 2] , "a":"\u0041" } `, want: `b=[1, 2] a="\u0041" `},
		{name: "empty", in: `{}`},
		{name: "names are unescaped", in: `{"\u0061\n":1}`, want: "a\n=1 "},
		{name: "duplicates in data", in: `{"data":{"a":1,"a":2},"b":1}`, want: `data={"a":1,"a":2} b=1 `},
		{name: "duplicates in data below", in: `{"batch":[{"data":{"a":1,"a":"\ud800"}}]}`, want: `batch=[{"data":{"a":1,"a":"\ud800"}}] `},
		{name: "duplicates below", in: `{"a":{"b":1,"b":2}}`, err: "bad_json: " + whyTwice},
		{name: "duplicates in a filter, also in its data", in: `{"filter":{"data":{"b":1,"b":2}}}`, err: "bad_json: " + whyTwice},
		{name: "duplicate data", in: `{"data":1,"data":1}`, want: "data=1 ", err: "bad_json: " + whyTwice},
		{name: "equal keys of different objects", in: `{"a":{"a":{"a":1}},"b":{"a":1}}`, want: `a={"a":{"a":1}} b={"a":1} `},
		{name: "an array", in: `[]`, err: "bad_request: must be a JSON object"},
		{name: "a broken array", in: `[`, err: "bad_json: " + whyEnds},
		{name: "garbage after it", in: `{} garbage`, err: "bad_json: " + whyTrailing},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got strings.Builder
			err := ReadObject([]byte(c.in), func(name string, value []byte) error {
				fmt.Fprintf(&got, "%s=%s ", name, value)
				return nil
			})
			if fmt.Sprint(err) != c.err && (err != nil || c.err != "") {
				t.Fatalf("%s: got %v, want %s", c.in, err, c.err)
			}
			if err == nil && got.String() != c.want {
				t.Fatalf("%s: got %q, want %q", c.in, got.String(), c.want)
			}
		})
	}
}

func TestReadObjectSaysWhichMember(t *testing.T) {
	read := func(body string) error {
		return ReadObject([]byte(body), func(name string, value []byte) (err error) {
			switch name {
			case "channels":
				err = ReadArray(value, func(v []byte) error { _, err := ReadString(v); return err })
			case "dry":
				_, err = ReadBool(value)
			case "count":
				_, err = ReadUint(value)
			default:
				_, err = ReadString(value)
			}
			return err
		})
	}
	for _, c := range []struct{ in, want string }{
		{`{"channels":["a"],"dry":true,"count":0,"x":""}`, ""},
		{`{"channels":"a"}`, `bad_request: field "channels" must be an array`},
		{`{"channels":[1]}`, `bad_request: field "channels" must be a string`},
		{`{"dry":1}`, `bad_request: field "dry" must be true or false`},
		{`{"count":-1}`, `bad_request: field "count" must be an integer from 0 to 9007199254740991`},
		{`{"x":1,"y":1}`, `bad_request: field "x" must be a string`},
		{`{"x":1,"dry":}`, `bad_json: there is something in the JSON that is not a value`},
		{`{"<script>":1}`, `bad_request: must be a string`},
	} {
		err := read(c.in)
		if got := fmt.Sprint(err); got != c.want && (err != nil || c.want != "") {
			t.Errorf("%s: got %s, want %s", c.in, got, c.want)
		}
	}
	stop := errors.New("stop")
	calls := 0
	err := ReadObject([]byte(`{"a":1,"b":2}`), func(string, []byte) error { calls++; return stop })
	if err != stop || calls != 1 {
		t.Errorf("got %v after %d calls, want the callback's own error after one", err, calls)
	}
}

func TestReadScalars(t *testing.T) {
	for _, c := range []struct {
		in, want string
		code     Code
	}{
		{in: `"a\u00e9\ud83d\ude00\n"`, want: "aé\U0001F600\n"},
		{in: ` "" `, want: ""},
		{in: `"\ud800"`, code: CodeBadJSON},
		{in: `"\ud800\u0041"`, code: CodeBadJSON},
		{in: `"\udc00\ud800"`, code: CodeBadJSON},
		{in: `1`, code: CodeBadRequest},
		{in: `null`, code: CodeBadRequest},
		{in: `"a`, code: CodeBadJSON},
		{in: `"a" "b"`, code: CodeBadJSON},
		{in: ``, code: CodeBadJSON},
	} {
		if got, err := ReadString([]byte(c.in)); got != c.want || codeOf(err) != c.code {
			t.Errorf("ReadString %s: got %q, %v", c.in, got, err)
		}
	}
	for in, want := range map[string]uint64{"0": 0, "1": 1, " 7 ": 7, "9007199254740991": MaxInteger} {
		if got, err := ReadUint([]byte(in)); got != want || err != nil {
			t.Errorf("ReadUint %s: got %d, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "-0", "-1", "01", "00", "1.0", "1e2", "9007199254740992", "18446744073709551617", strings.Repeat("9", 60000), `"1"`, "null", "1 2", "+1", "0x1", "1_0", "[1]"} {
		if got, err := ReadUint([]byte(in)); codeOf(err) != CodeBadRequest || got != 0 {
			t.Errorf("ReadUint %.20s: got %d, %v", in, got, err)
		}
	}
	for in, want := range map[string]Code{"true": "", " false": "", "1": CodeBadRequest, `"true"`: CodeBadRequest, "null": CodeBadRequest, "": CodeBadRequest} {
		if got, err := ReadBool([]byte(in)); codeOf(err) != want || got != (in == "true") {
			t.Errorf("ReadBool %s: got %v, %v", in, got, err)
		}
	}
}

func TestReadArray(t *testing.T) {
	var got []string
	err := ReadArray([]byte(` [ 1, "b" ,{"c": 2}] `), func(v []byte) error { got = append(got, string(v)); return nil })
	if err != nil || strings.Join(got, "|") != `1|"b"|{"c": 2}` {
		t.Fatalf("got %q, %v", got, err)
	}
	for in, want := range map[string]Code{`{}`: CodeBadRequest, `1`: CodeBadRequest, `[1`: CodeBadJSON, `[1,]`: CodeBadJSON, `[1] 2`: CodeBadJSON, `[{"a":1,"a":1}]`: CodeBadJSON} {
		if err := ReadArray([]byte(in), func([]byte) error { return nil }); codeOf(err) != want {
			t.Errorf("%s: got %v, want %s", in, err, want)
		}
	}
}

func TestAppendString(t *testing.T) {
	for in, want := range map[string]string{
		"":                   `""`,
		"plain é \U0001F600": "\"plain é \U0001F600\"",
		"\"\\/":              `"\"\\/"`,
		"\n\r\t\x00\x1f\b":   `"\n\r\t\u0000\u001f\u0008"`,
		"a\u2028b\u2029c":    `"a\u2028b\u2029c"`,
		"a\xffb\xc3":         "\"a\ufffdb\ufffd\"",
		"\ufffd":             "\"\ufffd\"",
		"\x7f":               "\"\x7f\"",
	} {
		if got := appendString([]byte("x"), in); string(got) != "x"+want {
			t.Errorf("%q: got %s, want x%s", in, got, want)
		}
	}
}

func TestManyKeysOfOneObject(t *testing.T) {
	for _, n := range []int{fewNames - 1, fewNames, fewNames + 1, 1500} {
		var b bytes.Buffer
		for i := range n {
			fmt.Fprintf(&b, `,"k%d":{"k0":0}`, i)
		}
		good := "{" + b.String()[1:] + "}"
		if err := ReadObject([]byte(good), func(string, []byte) error { return nil }); err != nil {
			t.Errorf("%d keys: %v", n, err)
		}
		bad := fmt.Sprintf(`%s,"\u006b%d":0}`, good[:len(good)-1], n-1)
		if err := ReadObject([]byte(bad), func(string, []byte) error { return nil }); codeOf(err) != CodeBadJSON {
			t.Errorf("%d keys and the last again: %v", n, err)
		}
	}
}
