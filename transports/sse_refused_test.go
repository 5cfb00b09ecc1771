package transports

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"tidings/protocol"
)

// An EventSource comes back after a 200 that ends, and never again after any other status.
func Test_F69_aPlainStreamThatIsRefusedForNowComesBack(t *testing.T) {
	for _, tt := range []struct {
		code    protocol.Code
		request string
		status  int
		least   int // ms of retry:
	}{
		{protocol.CodeOverloaded, "GET /bus/sse?channel=a HTTP/1.1", 200, 5000},
		{protocol.CodeRateLimited, "GET /bus/sse?channel=a HTTP/1.1", 200, 5000},
		{protocol.CodeShuttingDown, "GET /bus/sse?channel=a HTTP/1.1", 200, 5000},
		{protocol.CodeBrokerUnavailable, "GET /bus/sse?channel=a HTTP/1.1", 200, 5000},
		{protocol.CodeInternal, "GET /bus/sse?channel=a HTTP/1.1", 200, 1000},
		{protocol.CodeTimeout, "GET /bus/sse?channel=a HTTP/1.1", 200, 1000},
		{protocol.CodeUnauthorized, "GET /bus/sse?channel=a HTTP/1.1", 401, 0},
		{protocol.CodeTokenExpired, "GET /bus/sse?channel=a HTTP/1.1", 401, 0},
		{protocol.CodeLimitExceeded, "GET /bus/sse?channel=a HTTP/1.1", 403, 0},
		{protocol.CodeOverloaded, "GET /bus/poll?channel=a HTTP/1.1", 503, 0},
		{protocol.CodeOverloaded, "POST /bus/sse HTTP/1.1", 503, 0},
	} {
		t.Run(fmt.Sprint(tt.code, " ", tt.request[:9]), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := inMemory(t, nil)
				r.bus.refuse = &protocol.Error{Code: tt.code, Reason: "as the test wants it", Hint: "None."}
				request := lines(tt.request)
				if strings.HasPrefix(request, "POST") {
					request = post("/bus/sse", `{"type":"connect"}`)
				}
				a := r.ask(t, request)
				if a.status != tt.status {
					t.Fatalf("got %d %s, want %d", a.status, a.body, tt.status)
				}
				if n := r.h.Stats().Refused[Refusal{endpointOfPath(tt.request), tt.code}]; n != 1 {
					t.Errorf("counted %d times: %v", n, r.h.Stats().Refused)
				}
				if tt.status != 200 {
					return
				}
				m := regexp.MustCompile(`^: tidings\nretry: (\d+)\ndata: (.*)\n\n$`).FindStringSubmatch(a.body)
				if m == nil || a.header.Get("Content-Type") != "text/event-stream" {
					t.Fatalf("got %v %q", a.header, a.body)
				}
				frames, err := protocol.DecodeServerFrames([]byte(m[2]))
				if err != nil || frames[0].Type != protocol.TypeError || frames[0].Code != tt.code || !frames[0].Retry || frames[0].Hint == "" {
					t.Errorf("got %+v, %v", frames, err)
				}
				if ms, _ := strconv.Atoi(m[1]); ms < tt.least || ms > tt.least*3/2 {
					t.Errorf("comes back after %d ms, want %d to %d", ms, tt.least, tt.least*3/2)
				}
			})
		})
	}
}

func endpointOfPath(request string) string {
	if strings.Contains(request, "/poll") {
		return protocol.Poll
	}
	return protocol.SSE
}

func Test_F69_aPlainStreamThatADrainEndsComesBackWithinItsTime(t *testing.T) {
	for _, after := range []int64{0, 9000} {
		synctest.Test(t, func(t *testing.T) {
			r := inMemory(t, nil)
			e := r.get(t, "?channel=a")
			e.want(protocol.TypeConnected)
			e.want(protocol.TypeSubscribed)
			r.bus.all()[0].end(protocol.Encode(&protocol.ServerFrame{Type: protocol.TypeDisconnect, Code: protocol.CodeShuttingDown, Retry: true, AfterMS: after}))
			b, _ := e.raw()
			ms := -1
			if m := regexp.MustCompile(`(?m)^retry: (\d+)$`).FindSubmatch(b); m != nil {
				ms, _ = strconv.Atoi(string(m[1]))
			}
			if ev, _ := e.parse(b); ev.frame.Type != protocol.TypeDisconnect {
				t.Errorf("the stream ended with %q", b)
			}
			if after == 0 && ms != -1 || after > 0 && (ms < 1000 || ms > 10_000) {
				t.Errorf("after %d ms: comes back after %d ms", after, ms)
			}
		})
	}
}
