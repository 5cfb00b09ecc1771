package httpapi

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"tidings/access"
	"tidings/actors"
	"tidings/protocol"
)

// publishRequest is the body of POST /api/publish.
type publishRequest struct {
	channels []string
	several  bool         // "channels" was given, not "channel"
	pattern  *access.Glob // … or "pattern"; none of them: it is to be routed by its event and data
	asked    string       // the pattern's text
	data     []byte
	event    string
	key      string
	volatile bool
	spread   time.Duration
	exclude  protocol.Exclude
	meta     []byte
	trace    string // W3C trace context, "": none
}

var publishFields = []string{"channel", "channels", "pattern", "data", "event", "idempotencyKey", "volatile", "spread", "exclude", "meta"}

// published is the answer for one channel. Offset and tag of a volatile message are absent: it has no position.
type published struct {
	Epoch          string `json:"epoch,omitempty"`
	Offset         uint64 `json:"offset,omitempty"`
	Tag            string `json:"tag,omitempty"`
	ID             string `json:"id"`
	Duplicate      bool   `json:"duplicate"`
	Receivers      int    `json:"receivers"`
	ReceiversExact bool   `json:"receiversExact"`
	Reach          reach  `json:"reach"`
}

// reach is where the receivers of this node stand. The first three add up to the receivers; filtered is how many it
// passes by.
type reach struct {
	Live     int `json:"live"`
	Parked   int `json:"parked"`
	Polling  int `json:"polling"`
	Filtered int `json:"filtered"`
}

// answers are where the answers to publishes are made. Who writes one keeps none of it.
var answers = sync.Pool{New: func() any { return new([]byte) }}

// appendJSON appends p as json.Marshal writes it, in a fraction of the time.
func (p *published) appendJSON(b []byte) []byte {
	b = append(b, '{')
	if p.Epoch != "" {
		b = append(appendText(append(b, `"epoch":`...), p.Epoch), ',')
	}
	if p.Offset != 0 {
		b = append(strconv.AppendUint(append(b, `"offset":`...), p.Offset, 10), ',')
	}
	if p.Tag != "" {
		b = append(appendText(append(b, `"tag":`...), p.Tag), ',')
	}
	b = appendText(append(b, `"id":`...), p.ID)
	b = strconv.AppendBool(append(b, `,"duplicate":`...), p.Duplicate)
	b = strconv.AppendInt(append(b, `,"receivers":`...), int64(p.Receivers), 10)
	b = strconv.AppendBool(append(b, `,"receiversExact":`...), p.ReceiversExact)
	b = strconv.AppendInt(append(b, `,"reach":{"live":`...), int64(p.Reach.Live), 10)
	b = strconv.AppendInt(append(b, `,"parked":`...), int64(p.Reach.Parked), 10)
	b = strconv.AppendInt(append(b, `,"polling":`...), int64(p.Reach.Polling), 10)
	b = strconv.AppendInt(append(b, `,"filtered":`...), int64(p.Reach.Filtered), 10)
	return append(b, "}}"...)
}

// appendText appends a text as JSON. Epochs, tags and ids are letters, digits and hyphens, which stand for themselves.
func appendText(b []byte, text string) []byte {
	for i := range len(text) {
		switch c := text[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return append(b, asJSON(text)...)
		}
	}
	return append(append(append(b, '"'), text...), '"')
}

// onPublish serves POST /api/publish.
func (a *API) onPublish(c *gin.Context) {
	body, ok := a.body(c, access.Backend.MaySomewhere, access.ActionPublish)
	if !ok {
		return
	}
	p, err := readPublish(body, c.Request.Header)
	if err != nil {
		a.refuse(c, err)
		return
	}
	p.trace = traceOf(c.Request)
	if noteOf(c).visiting {
		about(c, "channel", strings.Join(p.channels, " "), "pattern", p.asked, "event", p.event)
	}
	if len(p.channels) != 1 || p.several {
		a.publishSeveral(c, p, body)
		return
	}
	done, err := a.publish(c.Request.Context(), backendOf(c), p, p.channels[0])
	if err != nil {
		a.refuse(c, err)
		return
	}
	buffer := answers.Get().(*[]byte)
	*buffer = done.appendJSON((*buffer)[:0])
	a.answerAndRest(c, *buffer)
	answers.Put(buffer)
}

func (a *API) publish(ctx context.Context, b access.Backend, p *publishRequest, name string) (*published, error) {
	ch, err := protocol.ParseChannel(name)
	if err == nil {
		err = b.May(access.ActionPublish, ch)
	}
	if err != nil {
		return nil, err
	}
	trace, end := a.span(p.trace, ch)
	done, err := a.bus.Publish(ctx, actors.Publish{
		Channel: ch, Data: p.data, Event: p.event, SpreadMS: uint64(p.spread.Milliseconds()), Trace: trace, Volatile: p.volatile,
		IdempotencyKey: p.key, Principal: b.Principal(), Exclude: p.exclude, Extra: protocol.MetaOnly(p.meta),
	})
	end(done.ID, done.Position.Offset, done.Receivers, err)
	if err != nil {
		return nil, err
	}
	return &published{
		Epoch: done.Position.Epoch, Offset: done.Position.Offset, Tag: done.Position.Tag, ID: done.ID,
		Duplicate: done.Duplicate, Receivers: done.Receivers, ReceiversExact: done.ReceiversExact,
		Reach: reach{Live: done.Receivers - done.Others - done.Parked - done.Polling, Parked: done.Parked, Polling: done.Polling, Filtered: done.Filtered},
	}, nil
}

func readPublish(body []byte, header http.Header) (*publishRequest, error) {
	p := &publishRequest{}
	if err := p.read(body, publishFields); err != nil {
		return nil, err
	}
	var err error
	if p.key, err = readKeyHeader(p.key, header["Idempotency-Key"]); err != nil {
		return nil, err
	}
	return p, p.check()
}

// read reads an object of the fields in known.
func (p *publishRequest) read(body []byte, known []string) error {
	targets := 0
	err := protocol.ReadObject(body, func(name string, value []byte) (err error) {
		if !slices.Contains(known, name) {
			return protocol.UnknownField("field", name, known)
		}
		switch name {
		case "channel":
			targets++
			p.channels = make([]string, 1)
			p.channels[0], err = protocol.ReadString(value)
		case "channels":
			targets++
			p.several = true
			err = p.readChannels(value)
		case "pattern":
			targets++
			err = p.readPattern(value)
		case "data":
			p.data, err = protocol.CompactJSON(value)
		case "event":
			p.event, err = readShort(name, value, protocol.MaxEventBytes)
		case "idempotencyKey":
			p.key, err = readKey(value)
		case "volatile":
			p.volatile, err = protocol.ReadBool(value)
		case "spread":
			p.spread, err = readSpread(value)
		case "exclude":
			p.exclude, err = readExclude(value)
		case "meta":
			p.meta, err = protocol.ReadMeta(value)
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case targets > 1:
		return badRequest(`give one of "channel", "channels" and "pattern"`, targetsHint)
	case targets == 0 && !slices.Contains(known, "channels"):
		return badRequest(`field "channel" is missing`, "Give the channel's name.")
	case targets == 0 && p.event == "":
		return badRequest(`there is neither "channel" nor "channels" nor "pattern" nor an "event" to route by`, targetsHint)
	case p.data == nil:
		return badRequest(`field "data" is missing`, "Give any JSON value, null included.")
	}
	return nil
}

const targetsHint = `"channel" takes one name, "channels" a list of names, "pattern" names with "*"; without them the server's routes decide by "event" and "data".`

// check refuses what does not go together.
func (p *publishRequest) check() error {
	if p.volatile && p.key != "" {
		return badRequest("a volatile message has no idempotency key", "It is not kept, so that a repetition cannot be known.")
	}
	return nil
}

func (p *publishRequest) readChannels(value []byte) error {
	p.channels = nil
	err := protocol.ReadArray(value, func(value []byte) error {
		name, err := protocol.ReadString(value)
		if err != nil {
			return badRequest(`"channels" must be a list of names`, "Give each as a string.")
		}
		p.channels = append(p.channels, name)
		return nil
	})
	if err == nil && (len(p.channels) == 0 || len(p.channels) > protocol.MaxPublishChannels) {
		err = badRequest(`"channels" must hold 1 to 100 names`, "Send several requests for more.")
	}
	return err
}

// readSpread reads a duration such as "5s".
func readSpread(value []byte) (time.Duration, error) {
	text, err := protocol.ReadString(value)
	if err != nil {
		return 0, badRequest(`field "spread" is not a text`, spreadHint)
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Millisecond || d > protocol.MaxSpreadMS*time.Millisecond {
		return 0, badRequest(`field "spread" is not a duration from 1 ms to 5 minutes`, spreadHint)
	}
	return d, nil
}

const spreadHint = `Give a text like "500ms", "5s" or "2m".`
