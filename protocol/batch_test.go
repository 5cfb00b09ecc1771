package protocol

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestReadBatch(t *testing.T) {
	deep := strings.Repeat("[", 2*MaxDepth) + strings.Repeat("]", 2*MaxDepth)
	for _, tt := range []struct {
		name, in string
		want     []string
		code     Code
	}{
		{name: "elements of any kind", in: ` {"items": [1, {"a":[]} ,"x"], "more": true}`, want: []string{"1", `{"a":[]}`, `"x"`, "more=true"}},
		{name: "an element with a key twice is the caller's business", in: `{"items":[{"a":1,"a":2}]}`, want: []string{`{"a":1,"a":2}`}},
		{name: "an element of more than 10,000 tokens, too", in: `{"items":[[` + strings.Repeat("1,", MaxTokens) + `1]]}`, want: []string{"[" + strings.Repeat("1,", MaxTokens) + "1]"}},
		{name: "as deep as an envelope around data", in: `{"items":[` + deep + `]}`, want: []string{deep}},
		{name: "deeper", in: `{"items":[[` + deep + `]]}`, code: CodeBadJSON},
		{name: "as many as may be", in: `{"items":[1,2,3]}`, want: []string{"1", "2", "3"}},
		{name: "one too many", in: `{"items":[1,2,3,4]}`, code: CodeBadRequest},
		{name: "none", in: `{"items":[]}`, code: CodeBadRequest},
		{name: "no array", in: `{"items":{}}`, code: CodeBadRequest},
		{name: "missing", in: `{"more":1}`, code: CodeBadRequest},
		{name: "twice", in: `{"items":[1],"items":[2]}`, code: CodeBadJSON},
		{name: "twice, escaped", in: `{"items":[1],"\u0069tems":[2]}`, code: CodeBadJSON},
		{name: "no object", in: `[1]`, code: CodeBadRequest},
		{name: "cut short", in: `{"items":[1`, code: CodeBadJSON},
		{name: "bytes after it", in: `{"items":[1]} 1`, code: CodeBadJSON},
		{name: "bad JSON wins", in: `{"items":[1,2,3,4]`, code: CodeBadJSON},
		{name: "nothing", in: ``, code: CodeBadJSON},
		{name: "not UTF-8", in: "{\"items\":[\"\xff\"]}", code: CodeBadUTF8},
		{name: "a field that is refused", in: `{"items":[1],"bad":1}`, code: CodeUnknownField},
		{name: "an element that is refused", in: `{"items":[null]}`, code: CodeForbidden},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			err := ReadBatch([]byte(tt.in), "items", 3, func(value []byte) error {
				if string(value) == "null" {
					return &Error{Code: CodeForbidden}
				}
				got = append(got, string(value))
				return nil
			}, func(name string, value []byte) error {
				if name == "bad" {
					return &Error{Code: CodeUnknownField}
				}
				got = append(got, name+"="+string(value))
				return nil
			})
			if tt.code == "" && (err != nil || !slices.Equal(got, tt.want)) {
				t.Errorf("got %.100q and %v, want %.100q", got, err, tt.want)
			}
			if tt.code != "" && !errors.Is(err, &Error{Code: tt.code}) {
				t.Errorf("got %v, want %s", err, tt.code)
			}
		})
	}
}
