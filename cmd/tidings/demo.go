package main

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"strings"

	"tidings/actors"
	"tidings/examples/dashboard"
	"tidings/examples/filters"
	startpage "tidings/examples/start"
	"tidings/examples/taxis"
	"tidings/protocol"
	"tidings/store"
)

// startPage is the page at /. Only with --dev.
func startPage() fs.FS { return startpage.Page }

// demo is the page at /demo/. Only with --dev.
func demo() fs.FS { return dashboard.Dist }

// demoPages are the pages below it. Only with --dev.
func demoPages() map[string]fs.FS {
	return map[string]fs.FS{"filters": filters.Page, "taxis": taxis.Page}
}

// demoBackend is what the pages ask beside the bus: a backend as anybody has one. Only with --dev.
func demoBackend(bus *actors.Bus, documents store.Store) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", dashboard.Backend(dashboard.Bus{
		Publish: func(channel string, data []byte) {
			bus.Publish(context.Background(), actors.Publish{Channel: protocol.Channel(channel), Data: data, Principal: "demo"})
		},
		Reply: func(to, signature, event string, data []byte) error {
			_, err := bus.Reply(context.Background(), actors.Reply{To: to, Signature: signature, Event: event, Data: data})
			return err
		},
	}))
	mux.Handle("/taxis", taxis.Backend(func(ctx context.Context, moves []taxis.Move) error { return writeTaxis(ctx, documents, moves) }))
	return mux
}

// writeTaxis writes what the taxis of the demo do, in one transaction.
func writeTaxis(ctx context.Context, documents store.Store, moves []taxis.Move) error {
	if documents == nil {
		return errors.New("there is no store")
	}
	index, name, _ := strings.Cut(taxis.Collection, "/")
	c, err := store.ParseCollection(index, name)
	if err != nil {
		return err
	}
	w := store.Write{Collection: c, Principal: "demo"}
	for _, m := range moves {
		w.Ops = append(w.Ops, store.Op{Action: store.Upsert, ID: m.ID, Content: m.Part, Default: m.Whole})
	}
	_, err = documents.Write(ctx, w)
	return err
}
