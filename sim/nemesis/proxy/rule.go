package proxy

import (
	"bytes"
	"encoding/binary"
	"hash/fnv"
	"math"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// Direction is which way bytes go. Zero means both.
type Direction int

// The directions.
const (
	Up   Direction = iota + 1 // to the server
	Down                      // to the client
)

// Rule is something that the network does, and to what. The zero value of each field leaves that out.
type Rule struct {
	// Which requests are met; all that is named must fit. A connection is that of its last request.

	Method   string        // such as POST
	Path     string        // the beginning of the path
	Contains string        // text in the headers or in the body
	Larger   int           // the body has more bytes
	Share    float64       // of the requests that fit, drawn by the proxy's seed
	Times    int           // the first so many that fit; of what is done to requests
	After    time.Duration // connections that are at least so old

	// What is done to a request.

	Answer     int           // it is answered with this status and a page of HTML, and does not reach the server
	Late       time.Duration // it reaches the server so much later, and what follows on its connection with it
	Twice      bool          // it reaches the server twice; the client gets the second answer
	Lose       bool          // it reaches the server, and its connection is reset in place of the answer
	Swallow    bool          // it does not reach the server, nor does what follows on its connection, and nobody is told
	NoUpgrade  bool          // its header Upgrade is taken away, as by proxies that do not know of WebSocket
	DeadSocket bool          // a WebSocket opens and leads nowhere
	Buffer     bool          // the body of an answer of unknown length is held back until it ends

	// What is done to the bytes of a connection, in Direction.

	Direction Direction
	Stall     bool          // they wait until the rule ends
	Mute      bool          // they are thrown away, and all that follow; nobody is told
	Delay     time.Duration // each piece arrives so much later, in order
	Rate      int           // so many bytes a second, of each connection
	ResetAt   int           // the connection is reset after so many bytes, counted from when the rule meets it
	Drop      int           // WebSocket messages and pieces of streams of more bytes are thrown away; others pass
}

// rule is a Rule that is in effect.
type rule struct {
	Rule
	id   uint64
	met  atomic.Int64  // requests
	over chan struct{} // closed when it is taken away
}

// shapes reports whether the rule does something to bytes.
func (r *rule) shapes() bool {
	return r.Stall || r.Mute || r.Delay > 0 || r.Rate > 0 || r.ResetAt > 0 || r.Drop > 0
}

// meets reports whether the rule is about a request. A connection without a request, nil, is met by a rule about all.
func (r *rule) meets(q *request, seed uint64) bool {
	if q == nil {
		return r.Method == "" && r.Path == "" && r.Contains == "" && r.Larger == 0 && r.Share == 0 && r.After == 0
	}
	return (r.Method == "" || r.Method == q.Method) && strings.HasPrefix(q.URL.Path, r.Path) &&
		(r.Larger == 0 || len(q.body) > r.Larger) && time.Since(q.opened) >= r.After &&
		(r.Contains == "" || q.contains(r.Contains)) && (r.Share == 0 || draw(seed, r.id, q.number) < r.Share)
}

// draw returns a number in [0,1) that seed, rule and request alone decide.
func draw(seed, rule, number uint64) float64 {
	h := fnv.New64a()
	for _, n := range []uint64{seed, rule, number} {
		h.Write(binary.LittleEndian.AppendUint64(nil, n))
	}
	x := h.Sum64()
	x ^= x >> 32
	x *= 0xd6e8feb86659fd93
	x ^= x >> 32
	return float64(x>>11) / math.Exp2(53)
}

// request is one request with its body.
type request struct {
	*http.Request
	number uint64
	body   []byte
	opened time.Time // when its connection was
}

func (q *request) contains(text string) bool {
	if bytes.Contains(q.body, []byte(text)) || strings.Contains(q.RequestURI, text) {
		return true
	}
	for _, values := range q.Header {
		for _, v := range values {
			if strings.Contains(v, text) {
				return true
			}
		}
	}
	return false
}
