package dashboard

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func ask(t *testing.T, h http.Handler, method, path, body string) (int, string) {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func look(t *testing.T, h http.Handler, path string) (s state) {
	t.Helper()
	if code, body := ask(t, h, "GET", path, ""); code != 200 || json.Unmarshal([]byte(body), &s) != nil {
		t.Fatalf("%s: %d %s", path, code, body)
	}
	return s
}

func TestADayInTheBuilding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var counted atomic.Int32
		h := Backend(Bus{Publish: func(channel string, _ []byte) {
			if channel != Channel {
				t.Errorf("a hint on %q", channel)
			}
			counted.Add(1)
		}})
		first := look(t, h, "/visitors?still")
		time.Sleep(time.Hour)
		synctest.Wait()
		if s := look(t, h, "/visitors?still"); counted.Load() != 0 || len(s.Inside) != len(first.Inside) {
			t.Fatalf("%d hints in a still building", counted.Load())
		}
		for range 60 {
			s := look(t, h, "/visitors")
			people := 0
			for _, f := range s.Floors {
				people += f.People
			}
			if people != len(s.Inside) || len(s.Inside) < minInside-1 || len(s.Inside) > maxInside || len(s.Hours) != keptHours {
				t.Fatalf("%d people on the floors, %d inside, %d hours", people, len(s.Inside), len(s.Hours))
			}
			if len(s.Changes) > 0 && s.Changes[len(s.Changes)-1].N != int(counted.Load()) {
				t.Fatalf("%d hints for %d changes", counted.Load(), s.Changes[len(s.Changes)-1].N)
			}
			time.Sleep(time.Minute)
			synctest.Wait()
		}
		hints := counted.Load()
		if hints < 70 || hints > 250 {
			t.Errorf("%d changes in an hour", hints)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		before := counted.Load()
		time.Sleep(time.Hour)
		synctest.Wait()
		if now := counted.Load(); now != before {
			t.Errorf("%d changes while nobody looks", now-before)
		}
	})
}

func TestTheDoor(t *testing.T) {
	hints := 0
	h := Backend(Bus{Publish: func(string, []byte) { hints++ }})
	before := look(t, h, "/visitors?still")
	code, body := ask(t, h, "POST", "/arrivals", "{}")
	after := look(t, h, "/visitors?still")
	if code != 200 || !strings.Contains(body, `"arrived"`) || len(after.Inside) != len(before.Inside)+1 || after.Today != before.Today+1 || hints != 1 {
		t.Errorf("arrivals: %d %s, %d inside, %d hints", code, body, len(after.Inside), hints)
	}
	last := func(s state) int { return s.Hours[len(s.Hours)-1].Arrivals + s.Hours[len(s.Hours)-2].Arrivals }
	if last(after) != last(before)+1 {
		t.Errorf("the hour has %d arrivals after %d", last(after), last(before))
	}
	for range maxInside {
		code, _ = ask(t, h, "POST", "/arrivals", "{}")
	}
	if full := look(t, h, "/visitors?still"); code != http.StatusConflict || len(full.Inside) != maxInside {
		t.Errorf("a full building: %d, %d inside", code, len(full.Inside))
	}
	for range maxInside + 1 {
		code, _ = ask(t, h, "POST", "/departures", "{}")
	}
	if empty := look(t, h, "/visitors?still"); code != http.StatusConflict || len(empty.Inside) != 0 || len(empty.Changes) != keptChange {
		t.Errorf("an empty building: %d, %d inside, %d changes", code, len(empty.Inside), len(empty.Changes))
	}
}

func TestRefusals(t *testing.T) {
	h := Backend(Bus{})
	for _, tt := range []struct {
		method, path, body string
		want               int
	}{
		{"POST", "/arrivals", "", 415},
		{"POST", "/arrivals", strings.Repeat("x", maxBody+1), 413},
		{"DELETE", "/arrivals", "", 405},
		{"GET", "/nothing", "", 404},
		{"POST", "/jobs", `{}`, 400},
		{"POST", "/jobs", `{"reply":"http://elsewhere.example/"}`, 400},
		{"POST", "/jobs", `{"reply":7}`, 400},
		{"POST", "/jobs", `{"reply":"%zz"}`, 400},
		{"POST", "/jobs", `not JSON`, 400},
	} {
		if code, body := ask(t, h, tt.method, tt.path, tt.body); code != tt.want {
			t.Errorf("%s %s %.40s: %d %s, want %d", tt.method, tt.path, tt.body, code, body, tt.want)
		}
	}
}

func TestAJobReportsOnItsReplyChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var events []string
		last := 0
		h := Backend(Bus{Reply: func(to, signature, event string, data []byte) error {
			var d struct{ Percent, Arrivals int }
			if to != "r1" || signature != "s1" || json.Unmarshal(data, &d) != nil {
				t.Errorf("to %q with %q: %s", to, signature, data)
			}
			if event == "progress" && (d.Percent <= last || d.Percent >= 100) || event == "done" && d.Arrivals == 0 {
				t.Errorf("%s %s after %d percent", event, data, last)
			}
			last = d.Percent
			events = append(events, event)
			return nil
		}})
		reply := `{"reply":"http://127.0.0.1/api/reply?to=r1&signature=s1"}`
		if code, body := ask(t, h, "POST", "/jobs", reply); code != 202 {
			t.Fatalf("%d %s", code, body)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(events) != jobSteps+1 || events[jobSteps] != "done" {
			t.Errorf("heard %v", events)
		}
		code := 0
		busy := Backend(Bus{Reply: func(string, string, string, []byte) error { return nil }})
		for range maxJobs + 1 {
			code, _ = ask(t, busy, "POST", "/jobs", reply)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if code != 429 {
			t.Errorf("job %d: %d, want 429", maxJobs+1, code)
		}
	})
}

func TestAJobEndsWithItsListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		said := 0
		b := NewBuilding(rand.New(rand.NewPCG(1, 2)), func() {})
		b.report(func(string, any) error { said++; return http.ErrServerClosed })
		if said != 1 {
			t.Errorf("said %d things to nobody", said)
		}
	})
}
