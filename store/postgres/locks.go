package postgres

import (
	"cmp"
	"hash/fnv"
	"slices"

	"github.com/jackc/pgx/v5"

	"tidings/store"
	"tidings/store/sqlstore"
)

// Classes of the locks of a transaction.
const (
	lockCollection = 0x7469_6401
	lockDocument   = 0x7469_6402
	lockKey        = 0x7469_6403
)

// maxLocks is how many documents of a collection a transaction locks one by one: above that it locks the collection.
const maxLocks = 64

type lock struct {
	class, key int32
	exclusive  bool
}

// locks returns what the requests of one commit must have for themselves, in the order in which every process takes it,
// so that none waits for another in a circle. A document is locked before its number is drawn, also if it is not there
// yet.
func locks(group []*sqlstore.Request) []lock {
	documents, whole := map[store.Collection][]int32{}, map[store.Collection]bool{}
	var list []lock
	for _, p := range group {
		if p.Write.Key != "" {
			list = append(list, lock{lockKey, hash(p.Write.Principal, p.Write.Key), true})
		}
		for _, op := range p.Write.Ops {
			whole[p.Write.Collection] = whole[p.Write.Collection] || op.Action.Whole()
			documents[p.Write.Collection] = append(documents[p.Write.Collection], hash(p.Write.Collection.String(), op.ID))
		}
	}
	for c, keys := range documents {
		slices.Sort(keys)
		keys = slices.Compact(keys)
		all := len(keys) > maxLocks || whole[c]
		list = append(list, lock{lockCollection, hash(c.String()), all})
		if all {
			continue
		}
		for _, key := range keys {
			list = append(list, lock{lockDocument, key, true})
		}
	}
	slices.SortFunc(list, func(a, b lock) int {
		exclusive := 0 // of two collections with one hash the stronger lock is first
		if a.exclusive != b.exclusive {
			exclusive = 1
			if a.exclusive {
				exclusive = -1
			}
		}
		return cmp.Or(cmp.Compare(a.class, b.class), cmp.Compare(a.key, b.key), exclusive)
	})
	return slices.CompactFunc(list, func(a, b lock) bool { return a.class == b.class && a.key == b.key })
}

func hash(parts ...string) int32 {
	h := fnv.New32a()
	for _, part := range parts {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	return int32(h.Sum32())
}

// queueLocks puts the statement into a batch that waits for locks and then draws so many numbers. Before it draws one,
// the transaction has an id: else nobody would know to wait for it. Documents are read by a later statement, which sees
// what was committed while this one has waited.
func queueLocks(b *pgx.Batch, list []lock, numbers int) *pgx.QueuedQuery {
	classes, keys, exclusive := make([]int32, len(list)), make([]int32, len(list)), make([]bool, len(list))
	for i, l := range list {
		classes[i], keys[i], exclusive[i] = l.class, l.key, l.exclusive
	}
	return b.Queue(`WITH locked AS MATERIALIZED (
			SELECT pg_current_xact_id()::text::bigint AS txn, count(CASE WHEN exclusive THEN pg_advisory_xact_lock(class, key)::text ELSE pg_advisory_xact_lock_shared(class, key)::text END)
			FROM unnest($1::int[], $2::int[], $3::bool[]) AS l (class, key, exclusive)
		)
		SELECT txn, nextval('tidings.number') FROM locked, generate_series(1, $4::int)`, classes, keys, exclusive, numbers)
}
