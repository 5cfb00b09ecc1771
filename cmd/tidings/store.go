package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"

	"tidings/actors"
	"tidings/broker"
	"tidings/internal/config"
	"tidings/store/relay"
	"tidings/store/sqlite"
)

// buildStore opens the store of the documents, if there is one.
func (srv *server) buildStore() error {
	if srv.settings.Store != config.StoreSQLite {
		return nil
	}
	if broker.IsShared(srv.broker) {
		return errors.New("store: a file of SQLite belongs to one node, and the broker is shared by several")
	}
	path := srv.settings.SQLitePath
	if path == "" {
		dir, err := os.MkdirTemp("", "tidings-documents-")
		if err != nil {
			return err
		}
		srv.onStop(func() { os.RemoveAll(dir) })
		path = filepath.Join(dir, "documents.db")
	}
	s, err := sqlite.Open(sqlite.Config{Path: path, Log: srv.log})
	if err != nil {
		return err
	}
	srv.store = s
	srv.onStop(func() { s.Close() })
	return nil
}

// buildRelay starts what publishes the changes of the store.
func (srv *server) buildRelay() error {
	if srv.store == nil {
		return nil
	}
	srv.relay = relay.New(relay.Config{Store: srv.store, Publish: srv.publishChange, Log: srv.log})
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() { srv.relay.Run(ctx) })
	srv.onStop(func() {
		cancel()
		group.Wait()
	})
	return nil
}

func (srv *server) publishChange(ctx context.Context, p broker.Publish) error {
	_, err := srv.bus.Publish(ctx, actors.Publish(p))
	return err
}
