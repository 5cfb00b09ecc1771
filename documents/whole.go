package documents

import (
	"context"
	"encoding/json"

	"tidings/protocol"
	"tidings/store"
)

// Managed is the answer to what is done to a whole collection.
type Managed struct {
	Collection string `json:"collection"`
	Change     uint64 `json:"change,omitempty"` // number of the reset; 0: nobody is told anything
}

func doWhole(ctx context.Context, s store.Store, r *Request, by By) (Answer, error) {
	results, err := r.writeTo(ctx, s, by)
	if err != nil {
		return Answer{}, err
	}
	if fault := results[0].Fault; fault != nil {
		return Answer{}, fault
	}
	return answer(Managed{r.Collection.String(), results[0].Version}), nil
}

// Imported is the answer to an import.
type Imported struct {
	Imported int             `json:"imported"`
	Refused  []ImportRefusal `json:"refused,omitempty"`
}

// ImportRefusal is a document that was not imported.
type ImportRefusal struct {
	At    int      `json:"at"` // its place in the request; 0 is the first
	ID    string   `json:"id,omitempty"`
	Error *Refusal `json:"error"`
}

// readImported reads a document as a search returns it: _id names it, and what else the store adds is left out.
func (r *Request) readImported(value []byte) error {
	op, content := store.Op{Action: store.Put}, []byte{'{'}
	err := protocol.ReadObject(value, func(name string, value []byte) (err error) {
		switch name {
		case "_id":
			op.ID, err = readShort("_id", value, protocol.MaxAPIBodyBytes) // the store refuses what is no id, alone
			return err
		case "_version", "_info":
			return nil
		}
		quoted, err := json.Marshal(name)
		if len(content) > 1 {
			content = append(content, ',')
		}
		content = append(append(append(content, quoted...), ':'), value...)
		return err
	})
	if op.ID == "" {
		op.Action = store.Create
	}
	op.Content = append(content, '}')
	r.write.Ops = append(r.write.Ops, op)
	return err
}

func doImport(ctx context.Context, s store.Store, r *Request, by By) (Answer, error) {
	r.write.Silent = true
	results, err := r.writeTo(ctx, s, by)
	if err != nil {
		return Answer{}, err
	}
	done, refused := Imported{}, []protocol.Code(nil)
	for at, result := range results {
		if result.Fault == nil {
			done.Imported++
			continue
		}
		refused = append(refused, result.Fault.Code)
		done.Refused = append(done.Refused, ImportRefusal{at, result.ID, refusalOf(result.Fault)})
	}
	a := answer(done)
	a.Refused = refused
	return a, nil
}
