package scenario

import (
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"
)

// virtual is the time that all worlds have lived, worlds their number.
var virtual, worlds atomic.Int64

func TestMain(m *testing.M) {
	began := time.Now()
	code := m.Run()
	if n := worlds.Load(); n > 0 {
		lived, took := time.Duration(virtual.Load()), time.Since(began)
		fmt.Printf("scenario: %d worlds lived %v in %v, %.0f virtual seconds per second\n", n, lived.Round(time.Second), took.Round(time.Millisecond), lived.Seconds()/took.Seconds())
	}
	os.Exit(code)
}
