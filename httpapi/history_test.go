package httpapi

import (
	"fmt"
	"testing"

	"tidings/protocol"
)

type historyAnswer struct {
	Messages []struct {
		Channel, Epoch, Tag, ID, Event string
		Offset                         uint64
		Data                           any
		Time                           int64
	}
	Epoch    string
	Offset   uint64
	Tag      string
	Complete bool
}

func TestHistory(t *testing.T) {
	w := start(t)
	var third published
	for i := range 5 {
		var p published
		w.ok(w.publish(fmt.Sprintf(`{"channel":"a/b","data":%d,"event":"e"}`, i)), &p)
		if p.Offset == 3 {
			third = p
		}
	}
	position := fmt.Sprintf("%s:%d:%s", third.Epoch, third.Offset, third.Tag)
	for _, tt := range []struct {
		name, query string
		want        []uint64
		complete    bool
	}{
		{name: "all", query: "channel=a/b", want: []uint64{1, 2, 3, 4, 5}, complete: true},
		{name: "the newest two", query: "channel=a%2Fb&limit=2", want: []uint64{4, 5}, complete: true},
		{name: "after a position", query: "channel=a/b&since=" + position, want: []uint64{4, 5}, complete: true},
		{name: "one after a position", query: "channel=a/b&limit=1&since=" + position, want: []uint64{4}, complete: true},
		{name: "after a position of another epoch", query: "channel=a/b&since=other:3:x", complete: false},
		{name: "of a channel without a message", query: "channel=none", complete: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := w.in(t)
			var got historyAnswer
			w.ok(w.get("/api/history?"+tt.query), &got)
			var offsets []uint64
			for _, m := range got.Messages {
				offsets = append(offsets, m.Offset)
				if m.Channel != "a/b" || m.Epoch != third.Epoch || m.Tag == "" || m.ID == "" || m.Event != "e" || m.Time == 0 || m.Data == nil {
					t.Errorf("got %+v", m)
				}
			}
			if fmt.Sprint(offsets) != fmt.Sprint(tt.want) || got.Complete != tt.complete || got.Epoch == "" {
				t.Errorf("got offsets %v, %+v; want %v, complete %v", offsets, got, tt.want, tt.complete)
			}
		})
	}
}

func TestHistoryRefuses(t *testing.T) {
	w := start(t)
	for _, tt := range []struct {
		name, query string
		want        protocol.Code
	}{
		{name: "no channel", query: "", want: protocol.CodeBadChannel},
		{name: "bad channel", query: "channel=a//b", want: protocol.CodeBadChannel},
		{name: "dots after decoding (B50)", query: "channel=a/%2e%2e/b", want: protocol.CodeBadChannel},
		{name: "decoded once (B50)", query: "channel=a%252Fb", want: protocol.CodeBadChannel},
		{name: "two channels", query: "channel=a&channel=b", want: protocol.CodeBadRequest},
		{name: "unknown parameter", query: "channel=a&limits=2", want: protocol.CodeUnknownField},
		{name: "malformed query", query: "channel=%zz", want: protocol.CodeBadRequest},
		{name: "semicolon", query: "channel=a;limit=2", want: protocol.CodeBadRequest},
		{name: "limit 0", query: "channel=a&limit=0", want: protocol.CodeBadRequest},
		{name: "limit 257", query: "channel=a&limit=257", want: protocol.CodeBadRequest},
		{name: "limit as text", query: "channel=a&limit=x", want: protocol.CodeBadRequest},
		{name: "bad position", query: "channel=a&since=3", want: protocol.CodeBadCursor},
		{name: "empty position", query: "channel=a&since=", want: protocol.CodeBadCursor},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := w.in(t)
			w.refusedWith(w.get("/api/history?"+tt.query), tt.want)
		})
	}
}
