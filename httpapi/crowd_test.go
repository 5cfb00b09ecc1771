package httpapi

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tidings/access"
	"tidings/actors"
)

// B118: one address connects five hundred times a second, ten times as often as the node takes anybody. Sixty others,
// ten a second, all get in. Without trusted_proxies the address of the connection counts: an HTTP/2 connection has one,
// however many streams it opens.
func TestB118_OneAddressAgainstEverybody(t *testing.T) {
	for _, row := range []struct {
		name    string
		trusted []string
		most    int // connects of the one, in six seconds
	}{
		{"with trusted_proxies", []string{"127.0.0.1"}, 5*20 + 6*20 + 1},
		{"without", nil, 2*50 + 6*50},
	} {
		t.Run(row.name, func(t *testing.T) { oneAddressAgainstEverybody(t, row.trusted, row.most) })
	}
}

func oneAddressAgainstEverybody(t *testing.T, trusted []string, most int) {
	synctest.Test(t, func(t *testing.T) {
		limits := actors.Config{
			Rules:             access.Rules{Subscribe: access.Anyone},
			ConnectsPerSecond: 50,
		}
		if trusted != nil {
			limits.ConnectsPerAddress, limits.ConnectionsPerAddress = 20, 1000
		}
		w := startBus(t, limits, func(c *Config) { c.TrustedProxies = trusted })
		connect := func(address string) (connected bool) {
			r := httptest.NewRequest(http.MethodPost, "/bus/poll", strings.NewReader(`[{"type":"connect","version":1}]`))
			r.RemoteAddr = address + ":40000"
			r.Header.Set("Content-Type", "application/json")
			if trusted != nil {
				r.RemoteAddr = "127.0.0.1:40000"
				r.Header.Set("X-Forwarded-For", address)
			}
			answer := httptest.NewRecorder()
			w.api.ServeHTTP(answer, r)
			return answer.Code == http.StatusOK && strings.Contains(answer.Body.String(), `"connected"`)
		}
		flooded, others := 0, 0
		for i := range 3000 {
			if connect("6.6.6.6") {
				flooded++
			}
			if i%50 == 25 && connect(fmt.Sprintf("192.0.2.%d", i/50)) {
				others++
			}
			time.Sleep(2 * time.Millisecond)
		}
		if others != 60 {
			t.Errorf("%d of 60 connects of other addresses succeeded", others)
		}
		if flooded > most {
			t.Errorf("one address made %d connections in six seconds, want at most %d", flooded, most)
		}
	})
}
