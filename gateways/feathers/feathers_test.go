package feathers

import (
	"encoding/json"
	"strings"
	"testing"

	"tidings/protocol"
)

func services(t testing.TB) *Services {
	s, err := NewServices([]string{"messages main/messages", "/deep/path/  main/deep"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestServicesThatCannotBe(t *testing.T) {
	for _, row := range []struct{ name, pair string }{
		{"one word", "messages"}, {"three words", "messages main messages"}, {"no index", "messages messages"}, {"three parts", "messages a/b/c"},
		{"a collection that cannot be", "messages main/a*"}, {"sign-in", "authentication main/users"},
	} {
		if s, err := NewServices([]string{row.pair}); err == nil || !strings.Contains(err.Error(), row.pair) {
			t.Errorf("%s: %q gives %v, %v", row.name, row.pair, s, err)
		}
	}
	if _, err := NewServices([]string{"a main/x", "a main/y"}); err == nil {
		t.Error("a path may be named twice")
	}
	if _, err := NewServices([]string{"a main/x", "b main/x"}); err == nil {
		t.Error("a collection may be named twice")
	}
}

func args(t testing.TB, list string) (all []json.RawMessage) {
	t.Helper()
	if err := json.Unmarshal([]byte(list), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestQueries(t *testing.T) {
	for _, row := range []struct{ query, want string }{
		{`{}`, `{"action":"search","collection":"main/messages","count":true,"limit":100}`},
		{`{"$limit":2,"$skip":3}`, `{"action":"search","collection":"main/messages","count":true,"limit":5}`},
		{`{"$limit":"2"}`, `{"action":"search","collection":"main/messages","count":true,"limit":2}`},
		{`{"$limit":0}`, `{"action":"search","collection":"main/messages","count":true,"limit":1}`},
		{`{"$sort":{"b":-1,"a":1,"id":"1","createdAt":1}}`, `{"action":"search","collection":"main/messages","count":true,"limit":100,"sort":["-b","a","_id","_info.createdAt"]}`},
		{`{"a":1}`, `{"action":"search","collection":"main/messages","count":true,"filter":{"equals":{"a":1}},"limit":100}`},
		{`{"a":1,"b":"x"}`, `{"action":"search","collection":"main/messages","count":true,"filter":{"and":[{"equals":{"a":1}},{"equals":{"b":"x"}}]},"limit":100}`},
		{`{"id":{"$in":["a","b"]}}`, `{"action":"search","collection":"main/messages","count":true,"filter":{"in":{"_id":["a","b"]}},"limit":100}`},
		{`{"a":{"$gt":1,"$lte":9}}`, `{"action":"search","collection":"main/messages","count":true,"filter":{"and":[{"range":{"a":{"gt":1}}},{"range":{"a":{"lte":9}}}]},"limit":100}`},
		{`{"a":{"$ne":1}}`, `{"action":"search","collection":"main/messages","count":true,"filter":{"not":{"equals":{"a":1}}},"limit":100}`},
		{`{"a":{"$nin":[1]}}`, `{"action":"search","collection":"main/messages","count":true,"filter":{"not":{"in":{"a":[1]}}},"limit":100}`},
		{`{"$or":[{"a":1},{"$and":[{"b":2},{"c":3}]}]}`, `{"action":"search","collection":"main/messages","count":true,"filter":{"or":[{"equals":{"a":1}},{"and":[{"equals":{"b":2}},{"equals":{"c":3}}]}]},"limit":100}`},
		{`{"$foo":1}`, "BadRequest: Invalid query parameter $foo"},
		{`{"a":{"$regex":"x"}}`, "BadRequest: Invalid query parameter $regex"},
		{`{"a":{}}`, "BadRequest: a condition must be an object with operators"},
		{`{"a":[1]}`, "BadRequest: an array is no value of a field: use $in"},
		{`{"$limit":-1}`, "BadRequest: $limit must be a number that is not negative"},
		{`{"$limit":{}}`, "BadRequest: $limit must be a number that is not negative"},
		{`{"$sort":{"a":2}}`, "BadRequest: $sort takes 1 and -1"},
		{`{"$or":[]}`, "BadRequest: $or must be an array of queries"},
		{`{"$limit":200,"$skip":57}`, "NotImplemented: a page beyond the first 256 records is not offered by this server"},
		{`[]`, "BadRequest: the query must be an object"},
		{strings.Repeat(`{"$or":[`, 10) + `{"a":1}` + strings.Repeat(`]}`, 10), "BadRequest: the query is too deep"},
	} {
		ask := services(t).Call("find", args(t, `["messages",`+row.query+`]`), Account{})
		got := ""
		if ask.Refused != nil {
			got = ask.Refused.Name + ": " + ask.Refused.Message
		} else {
			got = string(ask.Frames[0].Data)
		}
		if got != row.want {
			t.Errorf("%s\ngot  %s\nwant %s", row.query, got, row.want)
		}
	}
}

func TestCalls(t *testing.T) {
	for _, row := range []struct{ method, args, want string }{
		{"get", `["/messages/",7]`, `{"action":"get","collection":"main/messages","id":"7"}`},
		{"get", `["deep/path","a",{"$select":["x"]}]`, `{"action":"get","collection":"main/deep","id":"a"}`},
		{"get", `["messages","a",{"x":1}]`, "NotImplemented"},
		{"get", `["messages",null]`, "BadRequest"},
		{"get", `["messages",{}]`, "BadRequest"},
		{"get", `["messages"]`, "BadRequest"},
		{"create", `["messages",{"id":"m","text":"hi","_id":1,"_version":2,"_info":{},"createdAt":3}]`, `{"action":"create","collection":"main/messages","content":{"text":"hi"},"id":"m"}`},
		{"create", `["messages","text"]`, "BadRequest"},
		{"create", `["messages"]`, "BadRequest"},
		{"update", `["messages","a",{"x":1}]`, `{"action":"replace","collection":"main/messages","content":{"x":1},"id":"a"}`},
		{"update", `["messages",null,{"x":1}]`, "BadRequest"},
		{"patch", `["messages","a",{"x":1}]`, `{"action":"patch","collection":"main/messages","content":{"x":1},"id":"a"}`},
		{"remove", `["messages","a"]`, `{"action":"remove","collection":"main/messages","id":"a"}`},
		{"find", `[7]`, "NotFound"},
		{"find", `["users",{"a":1}]`, `{"arguments":[{"a":1}],"method":"find","path":"users"}`},
		{"remove", `["users",1]`, `{"arguments":[1,null],"method":"remove","path":"users"}`},
		{"find", `["authentication"]`, "MethodNotAllowed"},
		{"create", `["authentication",{"strategy":"jwt"}]`, "NotAuthenticated"},
		{"create", `["authentication",{"strategy":"local","email":"a"}]`, `{"credentials":{"email":"a"},"strategy":"local"}`},
		{"create", `["authentication",{}]`, "NotAuthenticated"},
		{"create", `["authentication",{"strategy":7}]`, "NotAuthenticated"},
		{"create", `["authentication"]`, "BadRequest"},
		{"remove", `["authentication",null]`, "NotAuthenticated"},
		{"create", `["authentication",7]`, "BadRequest"},
	} {
		ask := services(t).Call(row.method, args(t, row.args), Account{})
		got := ""
		if ask.Refused != nil {
			got = ask.Refused.Name
		} else {
			got = string(ask.Frames[0].Data)
		}
		if got != row.want {
			t.Errorf("%s %s\ngot  %s\nwant %s", row.method, row.args, got, row.want)
		}
	}
}

func TestErrorsHaveTheNamesOfFeathers(t *testing.T) {
	for _, row := range []struct {
		code protocol.Code
		want string
		http int
	}{
		{protocol.CodeNotFound, "NotFound", 404}, {protocol.CodeForbidden, "Forbidden", 403}, {protocol.CodeVersionConflict, "Conflict", 409}, {protocol.CodeBadFilter, "BadRequest", 400},
		{protocol.CodeRateLimited, "TooManyRequests", 429}, {protocol.CodeUnsupported, "NotImplemented", 501}, {protocol.CodeOverloaded, "Unavailable", 503}, {protocol.CodeTimeout, "Timeout", 408},
		{protocol.CodeUnauthorized, "NotAuthenticated", 401}, {protocol.CodeInternal, "GeneralError", 500}, {protocol.CodeStorageFull, "Unavailable", 503}, {protocol.CodeTooLarge, "BadRequest", 400},
	} {
		if f := FaultOf(&protocol.ServerFrame{Code: row.code, Message: "why", Hint: "what to do"}); f.Name != row.want || f.Code != row.http || f.Message != "why" || f.Data["hint"] != "what to do" {
			t.Errorf("%s is %+v", row.code, f)
		}
	}
	for _, row := range protocol.Codes() {
		if f := FaultOf(&protocol.ServerFrame{Code: row.Code}); f.ClassName == "" || f.Code == 0 {
			t.Errorf("%s is %+v", row.Code, f)
		}
	}
}

func TestRecords(t *testing.T) {
	for _, row := range []struct{ name, document, want string }{
		{"usual", `{"_id":"a","_version":2,"_info":{"createdAt":1000,"updatedAt":2000},"x":1}`, `{"id":"a","x":1,"createdAt":"1970-01-01T00:00:01.000Z","updatedAt":"1970-01-01T00:00:02.000Z"}`},
		{"names of its own", `{"_id":"a","id":7,"createdAt":"mine","_info":{"createdAt":1000}}`, `{"id":7,"createdAt":"mine"}`},
		{"a name that must be escaped", `{"a\"b":1}`, `{"a\"b":1}`},
		{"empty", `{}`, `{}`},
		{"no object", `[1]`, `[1]`},
	} {
		if got := string(appendRecord(nil, []byte(row.document))); got != row.want {
			t.Errorf("%s: got %s, want %s", row.name, got, row.want)
		}
	}
}
