package main

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"tidings/internal/testpostgres"
)

// From an existing table to the changes of it in a terminal, with the commands that the docs name.
func TestWatchATable(t *testing.T) {
	server, err := testpostgres.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	url := server.Database(t)
	conn, err := pgx.Connect(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	sql := func(statement string) {
		t.Helper()
		if _, err := conn.Exec(context.Background(), statement); err != nil {
			t.Fatal(err)
		}
	}
	sql("CREATE TABLE orders (id serial PRIMARY KEY, customer text, status text, password_hash text)")
	sql("INSERT INTO orders (customer, status) VALUES ('ann', 'open')")
	environ := []string{"TIDINGS_POSTGRES_URL=" + url}
	pg := func(fault bool, args ...string) string {
		t.Helper()
		p := run(t, environ, append([]string{"pg"}, args...)...)
		if code := p.exit(); (code != 0) != fault {
			t.Fatalf("%q: status %d: %s%s", args, code, p.out.String(), p.errors.String())
		}
		return p.out.String() + p.errors.String()
	}
	holds := func(text string, parts ...string) {
		t.Helper()
		for _, part := range parts {
			if !strings.Contains(text, part) {
				t.Errorf("no %q in:\n%s", part, text)
			}
		}
	}
	holds(pg(false, "watch", "orders", "--dry-run"), "public.orders as the collection public/orders", "look like secrets", "password_hash", "CREATE OR REPLACE TRIGGER", "Nothing was done")
	holds(pg(false, "status"), "nobody", "0 changes")
	holds(pg(false, "watch", "orders", "--as", "shop/orders", "--columns", "id,customer,status"), "columns: id, customer, status", "not:     password_hash", "documents/shop/orders")
	holds(pg(false, "status"), "public.orders as shop/orders", "1 changes")
	for range 3 { // a check of the settings publishes nothing: nobody would hear it
		if p := run(t, environ, "check-config", "--dev", "--store", "postgres"); p.exit() != 0 {
			t.Fatalf("check-config: %s", p.errors)
		}
	}
	holds(pg(false, "status"), "nobody", "waiting:      1 changes")
	holds(pg(true, "watch", "nowhere"), "there is no table nowhere")

	p, base := startServer(t, environ, "--dev", "--store", "postgres")
	listener := run(t, nil, "subscribe", "documents/shop/orders", "--url", base, "--filter", `{"equals":{"customer":"ann"}}`)
	listener.errors.wait(t, "documents/shop/orders: listening from")
	sql("UPDATE orders SET status = 'paid', password_hash = 'x' WHERE id = 1")
	listener.out.wait(t, `{"id":1,"_id":"1","status":"paid","customer":"ann"}`)
	holds(pg(false, "status"), "session")
	holds(pg(false, "unwatch", "orders"), "not watched any more")
	holds(pg(true, "unwatch", "orders"), "not watched")
	p.signal(os.Interrupt)
	if code := p.exit(); code != 0 || strings.Contains(p.errors.String(), server.URL("")) {
		t.Errorf("the server ended with %d: %s", code, p.errors)
	}
	holds(pg(false, "remove"), "Nothing of Tidings is left")
}
