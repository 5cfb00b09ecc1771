package kuzzle

import "testing"

func TestNativeFilter(t *testing.T) {
	for in, want := range map[string]string{
		`{"equals":{"a":"_kuzzle_info"}}`:                             `{"equals":{"a":"_kuzzle_info"}}`,
		`{"equals":{"_kuzzle_info.author":"_kuzzle_info.author"}}`:    `{"equals":{"_info.author":"_kuzzle_info.author"}}`,
		`{"exists":"_kuzzle_info.updater"}`:                           `{"exists":"_info.updater"}`,
		`{"missing":{"field":"_kuzzle_info"}}`:                        `{"missing":{"field":"_info"}}`,
		`{"match":{"_kuzzle_info":{"author":"a"}}}`:                   `{"match":{"_info":{"author":"a"}}}`,
		`{"and":[{"range":{"_kuzzle_info.createdAt":{"gt":1e400}}}]}`: `{"and":[{"range":{"_info.createdAt":{"gt":1e400}}}]}`,
		`{"equals":{"_kuzzle_information":1}}`:                        `{"equals":{"_kuzzle_information":1}}`,
	} {
		if got := string(nativeFilter([]byte(in))); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", in, got, want)
		}
	}
}
