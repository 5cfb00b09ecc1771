package relay

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"tidings/broker"
	"tidings/protocol"
	"tidings/store"
	"tidings/store/storetest"
)

// A change is published in its collection's channel and where routes lead, under its own key, also by a relay that
// begins again; a document that leaves a routed channel is out there, and shown as it was.
func TestRoutedChanges(t *testing.T) {
	s := openStore(t, filepath.Join(storetest.Folder(t), "d.db"))
	write(t, s, taxis,
		store.Op{Action: store.Put, ID: "a", Content: []byte(`{"driver":"ann"}`)},
		store.Op{Action: store.Patch, ID: "a", Content: []byte(`{"driver":"ben"}`)},
		store.Op{Action: store.Put, ID: "b", Content: []byte(`{}`)},
		store.Op{Action: store.Remove, ID: "a"},
	)
	route := func(c *Config) {
		c.Route = func(event string, document []byte) (list []protocol.Channel) {
			if !strings.HasPrefix(event, "documents/city/taxis ") {
				t.Errorf("routed as %q", event)
			}
			for _, who := range []string{"ann", "ben"} {
				if strings.Contains(string(document), `"driver":"`+who+`"`) {
					list = append(list, protocol.Channel("driver/"+who))
				}
			}
			return list
		}
	}
	o := newTown()
	failed := false
	o.fail = func(_ int, p broker.Publish) (bool, error) {
		if p.Channel == "driver/ben" && !failed {
			failed = true
			return true, errors.New("the connection broke") // it is there, and the relay does not know
		}
		return true, nil
	}
	_, stop := start(s, o, route)
	list := o.wait(t, 8)
	stop()
	var got []string
	for _, p := range list {
		driver := "none"
		if i := strings.Index(string(p.Data), `"driver":"`); i >= 0 {
			driver = string(p.Data[i+10 : i+13])
		}
		got = append(got, fmt.Sprintf("%s: %s of %s, gone %v", p.Channel, p.Event, driver, p.Extra.Gone))
	}
	want := []string{
		"documents/city/taxis: created of ann, gone false", "driver/ann: city/taxis created of ann, gone false",
		"documents/city/taxis: patched of ben, gone false", "driver/ben: city/taxis patched of ben, gone false", "driver/ann: city/taxis patched of ann, gone true",
		"documents/city/taxis: created of none, gone false",
		"documents/city/taxis: removed of ben, gone true", "driver/ben: city/taxis removed of ben, gone true",
	}
	if a, b := strings.Join(got, "\n"), strings.Join(want, "\n"); a != b {
		t.Errorf("got\n%s\nwant\n%s", a, b)
	}
}
