package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"tidings/filter"
	"tidings/internal/testpostgres"
	"tidings/store"
)

var orders = store.Collection{Index: "shop", Name: "orders"}

func sqlExec(t testing.TB, conn *pgx.Conn, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := conn.Exec(context.Background(), statement, pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// admin connects to manage what is watched.
func admin(t testing.TB, url string) *Admin {
	t.Helper()
	a, err := Connect(context.Background(), Config{URL: url, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

func watch(t testing.TB, url string, w Watch) *Plan {
	t.Helper()
	a := admin(t, url)
	p, err := a.Plan(context.Background(), w)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Apply(context.Background(), p); err != nil {
		t.Fatal(err)
	}
	return p
}

// shop is a store beside a table of orders that it watches.
type shop struct {
	*testing.T
	*Store
	sql   *pgx.Conn
	after uint64
}

func newShop(t *testing.T, w Watch, change ...func(*Config)) *shop {
	url := testpostgres.Database(t)
	conn := connect(t, url)
	sqlExec(t, conn, `CREATE TABLE public.orders (id bigint PRIMARY KEY, customer text, total numeric, paid boolean NOT NULL DEFAULT false, detail jsonb)`)
	w.Table, w.As = "orders", "shop/orders"
	watch(t, url, w)
	s := &shop{T: t, Store: openAt(t, url, change...), sql: conn}
	if list := s.news(); len(list) != 1 || list[0] != "reset" {
		t.Fatalf("a table that is watched anew has %q", list)
	}
	return s
}

// news returns the changes since the last call, each as its event, id, and the rest.
func (s *shop) news() (list []string) {
	s.Helper()
	for {
		changes, err := s.Changes(context.Background(), s.after, 100)
		if err != nil {
			s.Fatal(err)
		}
		if len(changes) == 0 {
			return list
		}
		for _, c := range changes {
			if c.Txn == 0 || c.Number <= s.after {
				s.Errorf("change %+v behind %d", c, s.after)
			}
			if s.after = c.Number; c.Collection != orders {
				continue
			}
			if c.Event == store.Reset {
				list = append(list, "reset")
				continue
			}
			list = append(list, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", c.Event, c.ID, c.After, c.Changed)))
		}
	}
}

func (s *shop) want(want ...string) {
	s.Helper()
	if got := s.news(); !slices.Equal(got, want) {
		s.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func TestWatchedTable(t *testing.T) {
	s := newShop(t, Watch{Columns: []string{"id", "customer", "paid"}})
	sqlExec(t, s.sql, "INSERT INTO orders (id, customer) VALUES (1, 'ann'), (2, 'ben')")
	s.want(`created 1 {"id":1,"_id":"1","paid":false,"customer":"ann"}`, `created 2 {"id":2,"_id":"2","paid":false,"customer":"ben"}`)
	sqlExec(t, s.sql, "UPDATE orders SET paid = true WHERE id = 1")
	s.want(`patched 1 {"id":1,"_id":"1","paid":true,"customer":"ann"} ["paid"]`)
	sqlExec(t, s.sql, "UPDATE orders SET paid = true WHERE id = 1", "UPDATE orders SET total = 5 WHERE id = 1") // nothing, and what is not shown
	s.want()
	sqlExec(t, s.sql, "UPDATE orders SET id = 3 WHERE id = 1")
	s.want(`removed 1 {"id":1,"_id":"1","paid":true,"customer":"ann"}`, `created 3 {"id":3,"_id":"3","paid":true,"customer":"ann"}`)
	sqlExec(t, s.sql, "DELETE FROM orders WHERE id = 3")
	s.want(`removed 3 {"id":3,"_id":"3","paid":true,"customer":"ann"}`)
	sqlExec(t, s.sql, "INSERT INTO orders (id) VALUES (2) ON CONFLICT (id) DO UPDATE SET customer = 'eve'")
	s.want(`patched 2 {"id":2,"_id":"2","paid":false,"customer":"eve"} ["customer"]`)
	sqlExec(t, s.sql, "TRUNCATE orders")
	s.want("reset")
	// A column that goes away, or has another name, is no reason to fail for who writes.
	sqlExec(t, s.sql, "ALTER TABLE orders RENAME customer TO client", "ALTER TABLE orders DROP paid", "INSERT INTO orders (id, client) VALUES (7, 'zoe')")
	s.want(`created 7 {"id":7,"_id":"7"}`)
}

func TestWatchedRowsAreRead(t *testing.T) {
	s := newShop(t, Watch{Columns: []string{"id", "customer", "detail"}})
	sqlExec(t, s.sql, `INSERT INTO orders (id, customer, total, detail) SELECT n, 'c' || n % 10, n, jsonb_build_object('n', n) FROM generate_series(1, 300) AS n`)
	found, err := s.Get(context.Background(), orders, []string{"7", "nobody", "301", "8", "x'y"})
	if err != nil || len(found) != 2 || string(found[0].JSON) != `{"id":7,"_id":"7","detail":{"n":7},"customer":"c7"}` || found[0].Version != 0 {
		t.Errorf("%+v, %v", found, err)
	}
	f, err := filter.Parse([]byte(`{"and":[{"equals":{"customer":"c7"}},{"range":{"detail.n":{"gt":100}}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	q := store.Query{Filter: f, Sort: []store.Order{{Field: "detail.n", Down: true}}, Limit: 8}
	for {
		page, err := s.Search(context.Background(), orders, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range page.Documents {
			got = append(got, d.ID)
		}
		if q.After = page.Next; page.Next == "" {
			break
		}
	}
	if len(got) != 20 || got[0] != "297" || got[19] != "107" {
		t.Errorf("found %q", got)
	}
	_, err = s.Write(context.Background(), store.Write{Collection: orders, Ops: []store.Op{{Action: store.Put, ID: "1", Content: []byte(`{}`)}}})
	if err != errWatched {
		t.Errorf("a write: %v", err)
	}
	for _, do := range []store.Action{store.Make, store.Truncate, store.Drop} {
		if _, err := s.Write(context.Background(), store.Write{Collection: orders, Ops: []store.Op{{Action: do}}}); err != errWatched {
			t.Errorf("%s: %v", do, err)
		}
	}
	if err := put(s.Store, "beside", `{}`); err != nil {
		t.Error(err)
	}
}

// What a row can have that a message cannot is left out, and the table is written as ever.
func TestWatchedRowsThatDoNotFit(t *testing.T) {
	s := newShop(t, Watch{})
	sqlExec(t, s.sql, "INSERT INTO orders (id, customer) VALUES (1, repeat('x', 70000))")
	s.want(`created 1 {"_id":"1","truncated":true}`)
	sqlExec(t, s.sql, "UPDATE orders SET customer = 'short' WHERE id = 1")
	s.want(`patched 1 {"id":1,"_id":"1","paid":false,"total":null,"detail":null,"customer":"short"}`)
	deep := strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40)
	sqlExec(t, s.sql, "UPDATE orders SET detail = '"+deep+"' WHERE id = 1")
	s.want(`patched 1 {"_id":"1","truncated":true} ["customer","detail","id","paid","total","truncated"]`)
	found, err := s.Get(context.Background(), orders, []string{"1"})
	if err != nil || len(found) != 1 || string(found[0].JSON) != `{"_id":"1","truncated":true}` {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestWatchKeys(t *testing.T) {
	url := testpostgres.Database(t)
	conn := connect(t, url)
	sqlExec(t, conn, `CREATE TABLE public."Odd, 'table'" (a text, "b""c" text, n int, PRIMARY KEY (a, "b""c"))`, "CREATE TABLE public.texts (id text PRIMARY KEY)", "CREATE TABLE public.uuids (id uuid PRIMARY KEY, n int)")
	watch(t, url, Watch{Table: `"Odd, 'table'"`, As: "shop/orders"})
	watch(t, url, Watch{Table: "texts", As: "shop/texts"})
	watch(t, url, Watch{Table: "uuids"})
	s := openAt(t, url)
	sqlExec(t, conn, `INSERT INTO "Odd, 'table'" VALUES ('x,1', '100%', 1), ('x', '1,100%', 2)`)
	id := "0189d1f0-1111-7222-8333-444455556666"
	sqlExec(t, conn, "INSERT INTO uuids VALUES ('"+id+"', 1)", "INSERT INTO texts VALUES ('ok'), (repeat('x', 129)), ('..'), (E'a\\nb')")
	var got []string
	for after := uint64(0); ; {
		list, err := s.Changes(context.Background(), after, 100)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			break
		}
		for _, c := range list {
			got = append(got, fmt.Sprintf("%s %s %s", c.Collection, c.Event, c.ID))
			after = c.Number
		}
	}
	want := []string{"shop/orders reset ", "shop/texts reset ", "public/uuids reset ", "shop/orders created x%2C1,100%25", "shop/orders created x,1%2C100%25", "public/uuids created " + id,
		"shop/texts created ok", "shop/texts reset ", "shop/texts reset ", "shop/texts reset "}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for c, id := range map[store.Collection]string{orders: "x,1%2C100%25", {Index: "public", Name: "uuids"}: id, {Index: "shop", Name: "texts"}: "ok"} {
		found, err := s.Get(context.Background(), c, []string{id, "no uuid"})
		if err != nil || len(found) != 1 || found[0].ID != id {
			t.Errorf("%s of %s: %+v, %v", id, c, found, err)
		}
	}
}

func TestWatchRefuses(t *testing.T) {
	url := testpostgres.Database(t)
	conn := connect(t, url)
	sqlExec(t, conn, "CREATE TABLE public.keyless (n int)", "CREATE TABLE public.orders (id int PRIMARY KEY, password_hash text, _id text)", "CREATE VIEW public.seen AS SELECT * FROM public.orders", "CREATE TABLE public.raw (id int PRIMARY KEY, j json)",
		`CREATE TABLE public."Großes" (id int PRIMARY KEY)`)
	s := openAt(t, url)
	if err := put(s, "a", `{}`); err != nil {
		t.Fatal(err)
	}
	a := admin(t, url)
	for _, c := range []struct {
		w     Watch
		fault string
	}{
		{Watch{Table: "nowhere"}, "there is no table"},
		{Watch{Table: "sales.nowhere"}, "there is no table"},
		{Watch{Table: "a b; DROP TABLE orders"}, "no name of a table"},
		{Watch{Table: "keyless"}, "no primary key"},
		{Watch{Table: "seen"}, "is no table"},
		{Watch{Table: "tidings.changes"}, "of Tidings"},
		{Watch{Table: "raw"}, "make it jsonb"},
		{Watch{Table: `"Großes"`}, "no name of a collection"},
		{Watch{Table: "orders", As: "city/taxis"}, "documents of its own"},
		{Watch{Table: "orders", As: "one"}, "no name of a collection"},
		{Watch{Table: "orders", Columns: []string{"id", "nothing"}}, "has no column nothing; it has id, password_hash, _id"},
	} {
		if _, err := a.Plan(context.Background(), c.w); err == nil || !strings.Contains(err.Error(), c.fault) {
			t.Errorf("%+v: got %v, want %q", c.w, err, c.fault)
		}
	}
	p, err := a.Plan(context.Background(), Watch{Table: "orders"})
	if err != nil || !slices.Equal(p.Suspicious, []string{"password_hash"}) || !slices.Equal(p.Left, []string{"_id"}) {
		t.Errorf("%+v, %v", p, err)
	}
}

// Any role writes the table, and none can use what the trigger uses.
func TestWatchRights(t *testing.T) {
	s := newShop(t, Watch{})
	sqlExec(t, s.sql, "DROP ROLE IF EXISTS clerk", "CREATE ROLE clerk", "GRANT ALL ON orders TO clerk", "GRANT CREATE ON SCHEMA public TO clerk", "SET ROLE clerk",
		"CREATE FUNCTION public.nextval(regclass) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'", "SET search_path = public, pg_catalog",
		"INSERT INTO orders (id) VALUES (1)", "TRUNCATE orders")
	s.want(`created 1 {"id":1,"_id":"1","paid":false,"total":null,"detail":null,"customer":null}`, "reset")
	for _, statement := range []string{
		"CREATE TEMP TABLE fake (id int)", "CREATE TRIGGER forged AFTER INSERT ON fake FOR EACH ROW EXECUTE FUNCTION tidings.changed('shop','orders','{id}','{id}','true')",
		"SELECT tidings.note('shop', 'orders', 'created', NULL, '{}')", "SELECT * FROM tidings.changes", "INSERT INTO tidings.changes VALUES (1)", "SELECT nextval('tidings.number'::regclass)",
	} {
		if _, err := s.sql.Exec(context.Background(), statement); err == nil && !strings.HasPrefix(statement, "CREATE TEMP") {
			t.Errorf("a role without rights may %s", statement)
		}
	}
	sqlExec(t, s.sql, "RESET ROLE", "DROP OWNED BY clerk")
}

func TestUnwatchAndRemove(t *testing.T) {
	s := newShop(t, Watch{NoNotify: true})
	sqlExec(t, s.sql, "CREATE TABLE public.later (id int PRIMARY KEY)")
	watch(t, s.cfg.URL, Watch{Table: "later"})
	a := admin(t, s.cfg.URL)
	status, err := a.Status(context.Background())
	if err != nil || len(status.Watched) != 2 || status.Watched[1].Table != "public.orders" || status.Watched[1].Notify || !status.Watched[0].Notify || status.Watched[0].Triggers != 2 || status.Waiting == 0 {
		t.Errorf("%+v, %v", status, err)
	}
	sqlExec(t, s.sql, "DROP TABLE public.later")
	for _, table := range []string{"public/later", "orders"} {
		if err := a.Unwatch(context.Background(), table); err != nil {
			t.Errorf("%s: %v", table, err)
		}
	}
	if err := a.Unwatch(context.Background(), "orders"); err == nil {
		t.Error("a table that is not watched")
	}
	s.news()
	sqlExec(t, s.sql, "INSERT INTO orders (id) VALUES (1)")
	s.want()
	if err := put(s.Store, "a", `{}`); err != nil {
		t.Fatal(err)
	}
	if err := a.Remove(context.Background(), false); err == nil || !strings.Contains(err.Error(), "--with-documents") {
		t.Errorf("documents are removed unasked: %v", err)
	}
	watch(t, s.cfg.URL, Watch{Table: "orders"})
	s.Close()
	if err := a.Remove(context.Background(), true); err != nil {
		t.Fatal(err)
	}
	var left int
	if err := s.sql.QueryRow(context.Background(), "SELECT (SELECT count(*) FROM pg_namespace WHERE nspname = 'tidings') + (SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal) + (SELECT count(*) FROM pg_proc WHERE proname = 'changed')").Scan(&left); err != nil || left != 0 {
		t.Errorf("%d things are left: %v", left, err)
	}
}

// A role with the rights that the docs name, which does not own the table, can watch it, watch it in another way, and
// leave nothing behind.
func TestUnwatchWithoutOwning(t *testing.T) {
	url := testpostgres.Database(t)
	owner := connect(t, url)
	sqlExec(t, owner, "DROP ROLE IF EXISTS guest", "CREATE ROLE guest LOGIN", "CREATE SCHEMA tidings AUTHORIZATION guest",
		"CREATE TABLE public.orders (id int PRIMARY KEY, note text)", "CREATE TABLE public.days (id int, day int, PRIMARY KEY (id, day)) PARTITION BY RANGE (day)", "CREATE TABLE public.days1 PARTITION OF public.days FOR VALUES FROM (0) TO (10)",
		"GRANT SELECT, TRIGGER ON public.orders, public.days, public.days1 TO guest")
	guest := strings.Replace(url, "tidings@", "guest@", 1)
	a := admin(t, guest)
	triggers := func() (n int) {
		t.Helper()
		if err := owner.QueryRow(context.Background(), "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	tables := []string{"public.orders", "public.days"}
	for _, table := range tables {
		watch(t, guest, Watch{Table: table})
		watch(t, guest, Watch{Table: table, NoNotify: true})
		if triggers() == 0 {
			t.Errorf("%s is watched by no trigger", table)
		}
		if err := a.Unwatch(context.Background(), table); err != nil || triggers() != 0 {
			t.Errorf("unwatch %s: %v, and %d triggers are left", table, err, triggers())
		}
	}
	for _, table := range tables {
		watch(t, guest, Watch{Table: table})
	}
	sqlExec(t, owner, "INSERT INTO public.orders VALUES (1, 'x')", "INSERT INTO public.days VALUES (1, 2)")
	if err := a.Remove(context.Background(), false); err != nil || triggers() != 0 {
		t.Errorf("remove: %v, and %d triggers are left", err, triggers())
	}
	sqlExec(t, owner, "INSERT INTO public.orders VALUES (2, 'y')", "DROP OWNED BY guest")
}

// Above its bound a table that nobody reads grows no more. Who comes then is told to load anew, once.
func TestMaxChanges(t *testing.T) {
	s := newShop(t, Watch{})
	sqlExec(t, s.sql, "UPDATE tidings.state SET max_changes = 1000", "INSERT INTO orders (id) SELECT n FROM generate_series(1, 1500) AS n", "UPDATE orders SET paid = true")
	var kept int
	if err := s.sql.QueryRow(context.Background(), "SELECT count(*) FROM tidings.changes").Scan(&kept); err != nil || kept > 1001 {
		t.Errorf("%d changes are kept: %v", kept, err)
	}
	s.want("reset")
	if status, err := admin(t, s.cfg.URL).Status(context.Background()); err != nil || status.Dropped != 0 {
		t.Errorf("%+v, %v", status, err)
	}
	sqlExec(t, s.sql, "DELETE FROM orders WHERE id = 1")
	s.want(`removed 1 {"id":1,"_id":"1","paid":true,"total":null,"detail":null,"customer":null}`)
	s.want()
}
