package httpapi

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"tidings/actors"
	"tidings/protocol"
)

// B44: each field of each body with each wrong type, by what the description says of it: refused by name.
func TestB44_WrongTypeInEachFieldOfABody(t *testing.T) {
	doc := readOpenAPI(t)
	w := startDocuments(t)
	values := map[string][]string{
		"string": {`"x"`}, "integer": {`7`}, "number": {`-7.5`, `1e400`}, "boolean": {`true`}, "null": {`null`}, "object": {`{}`, `{"a":[]}`}, "array": {`[]`, `[{}]`},
	}
	valid := map[string]string{ // what the other fields hold
		"channel": `"a"`, "data": `1`, "connection": `"x"`, "event": `"e"`, "items": `[{"channel":"a","data":1}]`,
	}
	tried := 0
	for path, operations := range doc.Paths {
		post, ok := operations["post"]
		if !ok || strings.HasSuffix(path, "/_truncate") || path == "/api/session" { // which have no body
			continue
		}
		name := strings.TrimPrefix(post.RequestBody.Content["application/json"].Schema.Ref, "#/components/schemas/")
		body, ok := doc.Components.Schemas[name]
		if !ok {
			t.Errorf("%s has no described body", path)
			continue
		}
		for field, is := range body.Properties {
			want := is.Type
			if strings.HasSuffix(is.Ref, "/Channel") {
				want = "string"
			}
			if want == "" {
				continue // any JSON value
			}
			for kind, list := range values {
				if kind == want || want == "number" && kind == "integer" {
					continue
				}
				for _, value := range list {
					text := bodyWith(body, valid, field, value)
					if path == "/api/reply" { // no body is read without a signature
						if e, ok := readReplyBody([]byte(text), &actors.Reply{}).(*protocol.Error); !ok || e.Code == protocol.CodeBadRequest && !strings.Contains(e.Reason, `"`+field+`"`) {
							t.Errorf("POST %s %s: got %v", path, text, e)
						}
						continue
					}
					r := w.post(strings.NewReplacer("{index}", "city", "{collection}", "cars").Replace(path), text)
					var got struct {
						Error struct {
							Code    protocol.Code
							Message string
						}
					}
					if err := json.Unmarshal(r.Body.Bytes(), &got); err != nil || r.Code != 400 || got.Error.Code != protocol.CodeBadRequest && got.Error.Code != protocol.CodeBadJSON {
						t.Errorf("POST %s %s: got %d %s", path, text, r.Code, r.Body)
					} else if got.Error.Code == protocol.CodeBadRequest && !strings.Contains(got.Error.Message, `"`+field+`"`) {
						t.Errorf("POST %s %s: the error does not name %q: %s", path, text, field, got.Error.Message)
					}
					tried++
				}
			}
		}
	}
	if tried < 80 {
		t.Errorf("only %d inputs", tried)
	}
	w.ok(w.publish(publishBody), &published{})
}

func bodyWith(s schema, valid map[string]string, field, value string) string {
	parts := []string{`"` + field + `":` + value}
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for name := range s.Properties {
			if !yield(name) {
				return
			}
		}
	}) {
		if v, ok := valid[name]; ok && name != field && !(name == "channel" && field == "channels") {
			parts = append(parts, `"`+name+`":`+v)
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}
