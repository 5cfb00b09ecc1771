package httpapi

import (
	"encoding/json"

	"github.com/gin-gonic/gin"

	"tidings/access"
	"tidings/filter"
	"tidings/protocol"
)

// maxExplainBytes bounds the body of POST /api/filter/explain.
const maxExplainBytes = 64 << 10

var explainFields = []string{"filter", "document", "channel"}

type explainRequest struct {
	filter, document []byte
	channel          protocol.Channel // "": none
}

// explained is the answer to POST /api/filter/explain.
type explained struct {
	Matches    bool                 `json:"matches"`
	Conditions []explainedCondition `json:"conditions"`
	Canonical  json.RawMessage      `json:"canonical"`
	Counted    int                  `json:"counted"`
	Room       string               `json:"room,omitempty"`
}

type explainedCondition struct {
	Path     string          `json:"path"`
	Field    string          `json:"field"`
	Operator string          `json:"operator"`
	Not      bool            `json:"not"`
	Wanted   json.RawMessage `json:"wanted"`
	Type     string          `json:"type"`
	Found    json.RawMessage `json:"found,omitempty"`
	Holds    bool            `json:"holds"`
}

// onExplainFilter serves POST /api/filter/explain: whether a filter matches a document, and which conditions decided.
func (a *API) onExplainFilter(c *gin.Context) {
	body, ok := a.bodyWithin(c, access.Backend.MaySomewhere, access.ActionRead, maxExplainBytes)
	if !ok {
		return
	}
	q, err := readExplain(body)
	if err == nil && q.channel != "" {
		err = backendOf(c).May(access.ActionRead, q.channel)
	}
	var found *explained
	if err == nil {
		found, err = q.explain()
	}
	if err != nil {
		a.refuse(c, err)
		return
	}
	answer(c, found)
}

func readExplain(body []byte) (*explainRequest, error) {
	q := &explainRequest{}
	err := protocol.ReadObject(body, func(name string, value []byte) (err error) {
		switch name {
		case "filter":
			q.filter = value
		case "document":
			q.document = value
		case "channel":
			var text string
			if text, err = protocol.ReadString(value); err == nil {
				q.channel, err = protocol.ParseChannel(text)
			}
		default:
			err = protocol.UnknownField("field", name, explainFields)
		}
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case q.filter == nil:
		return nil, badRequest(`field "filter" is missing`, `Give a filter, such as {"equals": {"type": "taxi"}}.`)
	case q.document == nil:
		return nil, badRequest(`field "document" is missing`, `Give the content of a message, such as {"type": "taxi"}.`)
	}
	return q, nil
}

func (q *explainRequest) explain() (*explained, error) {
	f, err := filter.Parse(q.filter)
	if err != nil {
		return nil, err
	}
	document, err := filter.Read(q.document)
	if err != nil {
		return nil, err
	}
	why := f.Explain(document)
	found := &explained{Matches: why.Matches, Conditions: []explainedCondition{}, Canonical: json.RawMessage(f.JSON()), Counted: f.Conditions()}
	for _, c := range why.Conditions {
		found.Conditions = append(found.Conditions, explainedCondition{
			Path: c.Path, Field: c.Field, Operator: c.Operator, Not: c.Not, Wanted: c.Wanted, Type: c.Type, Found: c.Found, Holds: c.Holds,
		})
	}
	if q.channel != "" {
		found.Room = f.ID(q.channel)
	}
	return found, nil
}
