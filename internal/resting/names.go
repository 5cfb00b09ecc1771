package resting

import (
	"bytes"
	"net/textproto"
	"strings"
)

// names are the headers that a known request may have, by their lower case. net/http acts on Host, Content-Length and
// Connection alone of them, which head.take checks. A request with any other header is Foreign, but for those with one
// of the families.
var names = known(
	"Accept", "Accept-Encoding", "Accept-Language", "Authorization", "Baggage", "Cache-Control", "Connection", "Content-Length",
	"Content-Type", "Cookie", "Dnt", "Forwarded", "Host", "Idempotency-Key", "Origin", "Priority", "Referer", "Sentry-Trace",
	"Traceparent", "Tracestate", "User-Agent", "Via",
)

// handshakeNames are further headers that only a handshake may have.
var handshakeNames = known(
	"Pragma", "Sec-Websocket-Extensions", "Sec-Websocket-Key", "Sec-Websocket-Protocol", "Sec-Websocket-Version", "Upgrade",
)

// families are the beginnings of further headers: those of proxies and of browsers.
var families = [][]byte{[]byte("x-"), []byte("sec-fetch-"), []byte("sec-ch-"), []byte("cf-")}

const maxName = 64

func known(list ...string) map[string]string {
	m := make(map[string]string, len(list))
	for _, name := range list {
		m[strings.ToLower(name)] = name
	}
	return m
}

// canonical returns the canonical form of a header's name. It reports false for one that a known request has not, or a
// known handshake.
func canonical(name []byte, handshake bool) (string, bool) {
	if len(name) > maxName {
		return "", false
	}
	var lower [maxName]byte
	for i, b := range name {
		switch {
		case b >= 'A' && b <= 'Z':
			b += 'a' - 'A'
		case b >= 'a' && b <= 'z', b >= '0' && b <= '9', b == '-':
		default:
			return "", false
		}
		lower[i] = b
	}
	if found, ok := names[string(lower[:len(name)])]; ok {
		return found, true
	}
	if found, ok := handshakeNames[string(lower[:len(name)])]; ok {
		return found, handshake
	}
	for _, family := range families {
		if bytes.HasPrefix(lower[:len(name)], family) {
			return textproto.CanonicalMIMEHeaderKey(string(name)), true
		}
	}
	return "", false
}

// common are values that most requests have.
var common = func() map[string]string {
	m := make(map[string]string)
	for _, v := range []string{"application/json", "keep-alive", "*/*", "*", "gzip", "gzip, deflate", "gzip, deflate, br", "gzip, deflate, br, zstd", "cors", "empty", "same-origin", "cross-site", "Go-http-client/1.1", "Upgrade", "websocket", "13", "no-cache"} {
		m[v] = v
	}
	return m
}()

// text returns a value as a string.
func text(value []byte) string {
	if found, ok := common[string(value)]; ok {
		return found
	}
	return string(value)
}
