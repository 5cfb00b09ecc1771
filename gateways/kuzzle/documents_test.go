package kuzzle

import (
	"fmt"
	"testing"

	"tidings/protocol"
)

// What a request about documents becomes for the bus, and what its answer becomes for the client.
func TestDocuments(t *testing.T) {
	const doc = `{"_id":"a","_version":7,"_info":{"author":null,"createdAt":5,"updatedAt":6,"updater":null},"n":1}`
	const source = `{"n":1,"_kuzzle_info":{"author":"-1","createdAt":5,"updatedAt":6,"updater":"-1"}}`
	const written = `{"event":"created","id":"a","version":7,"document":` + doc + `}`
	for _, tt := range []struct{ name, in, asks, answer, want string }{
		{"create", `"action":"create","_id":"a","body":{"n":1,"_kuzzle_info":{}},"volatile":{"v":1}`, `{"action":"create","collection":"i/c","id":"a","content":{"n":1},"meta":{"v":1}}`, written, `{"_id":"a","_version":7,"_source":` + source + `}`},
		{"create without an id, silently", `"action":"create","body":{"n":1},"silent":true`, `{"action":"create","collection":"i/c","content":{"n":1},"silent":true}`, written, `{"_id":"a","_version":7,"_source":` + source + `}`},
		{"createOrReplace", `"action":"createOrReplace","_id":"a","body":{}`, `{"action":"put","collection":"i/c","id":"a","content":{}}`, written, `{"_id":"a","_version":7,"created":true,"_source":` + source + `}`},
		{"update", `"action":"update","_id":"a","body":{"n":1}`, `{"action":"patch","collection":"i/c","id":"a","content":{"n":1}}`, written, `{"_id":"a","_version":7}`},
		{"update of a client that may not read", `"action":"update","_id":"a","body":{},"source":true`, `{"action":"patch","collection":"i/c","id":"a","content":{}}`, `{"event":"patched","id":"a","version":7}`, `{"_id":"a","_version":7}`},
		{"upsert", `"action":"upsert","_id":"a","body":{"changes":{"n":1},"default":{"m":2}}`, `{"action":"upsert","collection":"i/c","id":"a","content":{"n":1},"default":{"m":2}}`, written, `{"_id":"a","_version":7,"created":true}`},
		{"delete", `"action":"delete","_id":"a","source":true`, `{"action":"remove","collection":"i/c","id":"a"}`, written, `{"_id":"a","_source":` + source + `}`},
		{"deleteFields", `"action":"deleteFields","_id":"a","body":{"fields":["n"]}`, `{"action":"removeFields","collection":"i/c","id":"a","fields":["n"]}`, written, `{"_id":"a","_version":7}`},
		{"get", `"action":"get","_id":"a"`, `{"action":"get","collection":"i/c","id":"a"}`, doc, `{"_id":"a","_source":` + source + `,"_version":7}`},
		{"exists", `"action":"exists","_id":"a"`, `{"action":"mGet","collection":"i/c","ids":["a"]}`, `{"documents":[]}`, `false`},
		{"mDelete", `"action":"mDelete","body":{"ids":["a","b"]}`, `{"action":"bulk","collection":"i/c","operations":[{"action":"remove","id":"a"},{"action":"remove","id":"b"}]}`,
			`{"results":[{"id":"a"},{"error":{"code":"not_found","message":"no"}}]}`, `{"successes":["a"],"errors":[{"status":404,"_id":"b","reason":"no"}]}`},
		{"count", `"action":"count","body":{"query":{"term":{"_kuzzle_info.author":{"value":"a"}}}}`, `{"action":"search","collection":"i/c","filter":{"equals":{"_info.author":"a"}},"count":true,"limit":1}`, `{"documents":[],"total":3}`, `{"count":3}`},
		{"search", `"action":"search","body":{"query":{"bool":{"should":[{"exists":{"field":"a"}},{"terms":{"b":[1]}}]}},"sort":[{"n":"desc"},"m"]},"size":2`,
			`{"action":"search","collection":"i/c","filter":{"bool":{"should":[{"exists":{"field":"a"}},{"in":{"b":[1]}}]}},"sort":["-n","m"],"count":true,"limit":2}`,
			`{"documents":[` + doc + `],"total":1}`, `{"hits":[{"_id":"a","_source":` + source + `,"_version":7,"_score":1,"index":"i","collection":"c"}],"total":1,"remaining":0}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t)
			if got := c.send(`{"requestId":"q","controller":"document","index":"i","collection":"c",` + tt.in + `}`); got != nil {
				t.Fatalf("answered %v at once", got)
			}
			f := c.native(protocol.TypeCall)
			if string(f.Data) != tt.asks || f.Method != "document" || string(f.Origin) != fmt.Sprintf(`{"protocol":"websocket","request":"q","controller":"document","action":%q}`, actionIn(tt.in)) {
				t.Errorf("the bus is asked %s of %s\nwant            %s", f.Data, f.Origin, tt.asks)
			}
			got := c.tell(&protocol.ServerFrame{Type: protocol.TypeReply, ID: f.ID, Data: []byte(tt.answer)})
			if len(got) != 1 {
				t.Fatalf("answered %v", got)
			}
			like(t, tt.answer, got[0]["result"], tt.want)
		})
	}
}

func actionIn(request string) (action string) {
	fmt.Sscanf(request, `"action":%q`, &action)
	return action
}

// Nothing of a bad request about documents reaches the bus.
func TestBadDocuments(t *testing.T) {
	for _, tt := range []struct{ in, id string }{
		{`"action":"create"`, bodyRequired},
		{`"action":"create","body":[]`, invalidType},
		{`"action":"create","body":{},"_id":1`, invalidType},
		{`"action":"update","body":{}`, missingArgument},
		{`"action":"get"`, missingArgument},
		{`"action":"get","_id":""`, missingArgument},
		{`"action":"upsert","_id":"a","body":{}`, missingArgument},
		{`"action":"deleteFields","_id":"a","body":{}`, missingArgument},
		{`"action":"mCreate","body":{}`, missingArgument},
		{`"action":"mCreate","body":{"documents":{}}`, invalidType},
		{`"action":"mCreate","body":{"documents":[]}`, emptyArgument},
		{`"action":"mCreate","body":{"documents":[1]}`, invalidType},
		{`"action":"mGet","body":{"ids":[1]}`, invalidType},
		{`"action":"mGet","body":{"ids":[]}`, emptyArgument},
		{`"action":"mDelete","body":{}`, missingArgument},
		{`"action":"search","body":{"query":{"match":{"a":"b"}}}`, notSupported},
		{`"action":"search","body":{"query":{"a":1,"b":2}}`, invalidType},
		{`"action":"search","body":{"aggs":{}}`, notSupported},
		{`"action":"search","body":{"query":{"bool":{"minimum_should_match":1}}}`, notSupported},
		{`"action":"search","body":{},"size":10001`, invalidArgument},
		{`"action":"search","body":{},"size":10000,"from":1`, getLimit},
		{`"action":"search","body":{},"size":"2"`, invalidArgument},
		{`"action":"search","body":{},"search_after":[1]`, notSupported},
		{`"action":"search","body":{"sort":[1]}`, invalidType},
		{`"action":"scroll"`, missingArgument},
		{`"action":"scroll","scrollId":"e30"`, noScroll},
		{`"action":"deleteByQuery","body":{}`, missingArgument},
		{`"action":"updateByQuery","body":{"query":{}}`, missingArgument},
		{`"action":"validate","body":{}`, notSupported},
	} {
		c := newClient(t)
		got := c.send(`{"requestId":"q","controller":"document","index":"i","collection":"c",` + tt.in + `}`)
		if len(got) != 1 || got[0]["error"] == nil || got[0]["error"].(object)["id"] != tt.id || len(c.asked) != 0 {
			t.Errorf("%s\ngot  %v, and the bus is asked %v\nwant %s", tt.in, got, c.asked, tt.id)
		}
	}
	c := newClient(t)
	for in, id := range map[string]string{`"body":{}`: missingArgument, `"body":{"bulkData":[]}`: emptyArgument, `"body":{"bulkData":[{"index":{}}]}`: invalidArgument, `"body":{"bulkData":[{"nope":{}},{}]}`: invalidArgument, `"body":{"bulkData":1}`: invalidType} {
		got := c.send(`{"requestId":"q","controller":"bulk","action":"import","index":"i","collection":"c",` + in + `}`)
		if len(got) != 1 || got[0]["error"].(object)["id"] != id {
			t.Errorf("import of %s is answered %v", in, got)
		}
	}
}
