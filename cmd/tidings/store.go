package main

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"tidings/actors"
	"tidings/broker"
	"tidings/internal/config"
	"tidings/protocol"
	"tidings/store"
	"tidings/store/postgres"
	"tidings/store/relay"
	"tidings/store/sqlite"
)

// buildStore opens the store of the documents, if there is one.
func (srv *server) buildStore() (err error) {
	switch srv.settings.Store {
	case config.StoreSQLite:
		srv.store, err = srv.openSQLite()
	case config.StorePostgres:
		srv.store, err = postgres.Open(context.Background(), postgres.Config{URL: srv.settings.PostgresURL, Log: srv.log})
	default:
		return nil
	}
	if err != nil {
		srv.store = nil
		return err
	}
	srv.onStop(func() { srv.store.Close() })
	return nil
}

// buildRelay makes what publishes the changes of the store.
func (srv *server) buildRelay() error {
	if srv.store != nil {
		srv.relay = relay.New(relay.Config{Store: srv.store, Publish: srv.publishChange, Route: srv.bus.RouteChange, Recent: srv.recentIDs, Log: srv.log})
	}
	return nil
}

// beginRelay starts the relay. A process that serves nobody must not: what it publishes nobody would hear.
func (srv *server) beginRelay() {
	if srv.relay == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() { srv.relay.Run(ctx) })
	srv.onStop(func() {
		cancel()
		group.Wait()
	})
}

func (srv *server) openSQLite() (store.Store, error) {
	if broker.IsShared(srv.broker) {
		return nil, errors.New("store: a file of SQLite belongs to one node, and the broker is shared by several: set store to postgres")
	}
	path := srv.settings.SQLitePath
	if path == "" {
		sweepDevStores(os.TempDir(), time.Now(), srv.log)
		var folder string
		var err error
		if folder, path, err = newDevStore(os.TempDir()); err != nil {
			return nil, err
		}
		srv.onStop(func() { os.RemoveAll(folder) })
	}
	return sqlite.Open(sqlite.Config{Path: path, Indexes: srv.settings.SQLiteIndexes, Log: srv.log})
}

func (srv *server) publishChange(ctx context.Context, p broker.Publish) error {
	_, err := srv.bus.Publish(ctx, actors.Publish(p))
	return err
}

// recentIDs returns the ids of a channel's newest messages, at most limit.
func (srv *server) recentIDs(ctx context.Context, ch protocol.Channel, limit int) (ids []string, err error) {
	page, err := srv.broker.Last(ctx, ch, limit)
	for _, m := range page.Messages {
		ids = append(ids, m.ID)
	}
	return ids, err
}
