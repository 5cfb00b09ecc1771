package access

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"tidings/protocol"
)

// Routing is where messages go that a backend publishes without a channel: the first route that applies decides alone.
// If none does, the message goes to nobody.
type Routing []Route

// Route is one of them. It applies if the message's event is as Event, and its data has the field If.
type Route struct {
	// Event is the event's name, in which "*" stands for any run of characters. Empty means every event. One that
	// begins with ChangePrefix is for changes of documents, too.
	Event string
	// If names a field of the data, which is an object: "userId", or "room.id" for one inside of another. It has to be
	// there, and be neither null nor false nor an empty text. Empty means whatever the data is.
	If string
	// To are the channels, at most MaxRouteChannels. "user/{userId}" has the field's value in the place of {userId}: a
	// text or a whole number that can stand there. One placeholder may stand in a segment, so that no value of
	// another's can make the same name. None mean that the message goes to nobody.
	To []string
}

// Bounds of a Routing.
const (
	MaxRoutes        = 1000
	MaxRouteChannels = 16
	maxFieldNames    = 8 // of one path
)

// Router is a Routing that was checked. It does not change, and may be used from many goroutines. The nil Router has no
// route.
type Router struct {
	routes []route
	fields []string // paths that some route looks at
}

type route struct {
	Route
	to [][]slot
}

// slot is one segment of a channel to be.
type slot struct{ before, field, after string } // field "": before alone

// Routed is where a message goes.
type Routed struct {
	Route    int // that decided, counted from 1; 0: none did
	Channels []protocol.Channel
}

// Compile checks the routes. Its error names the faulty one, counted from 1.
func (r Routing) Compile() (*Router, error) {
	if len(r) > MaxRoutes {
		return nil, fmt.Errorf("%d routes, at most %d", len(r), MaxRoutes)
	}
	out := &Router{}
	for i, one := range r {
		compiled, err := one.compile()
		if err == nil {
			err = r.reachable(i)
		}
		if err != nil {
			return nil, fmt.Errorf("route %d: %w", i+1, err)
		}
		out.routes = append(out.routes, compiled)
		out.note(one.If)
		for _, slots := range compiled.to {
			for _, s := range slots {
				out.note(s.field)
			}
		}
	}
	return out, nil
}

func (r *Router) note(field string) {
	if field != "" && !slices.Contains(r.fields, field) {
		r.fields = append(r.fields, field)
	}
}

// Check fails if the route alone is faulty.
func (r Route) Check() error {
	_, err := r.compile()
	return err
}

func (r Route) compile() (route, error) {
	out := route{Route: r}
	if len(r.Event) > protocol.MaxEventBytes {
		return out, fmt.Errorf("event: more than %d bytes", protocol.MaxEventBytes)
	}
	if err := checkPath(r.If); r.If != "" && err != nil {
		return out, fmt.Errorf("if: %w", err)
	}
	if len(r.To) > MaxRouteChannels {
		return out, fmt.Errorf("to: %d channels, at most %d", len(r.To), MaxRouteChannels)
	}
	for _, text := range r.To {
		slots, err := parseSlots(text)
		if err != nil {
			return out, fmt.Errorf("to: %q: %w", text, err)
		}
		out.to = append(out.to, slots)
	}
	return out, nil
}

// reachable refuses a route that one before it always goes before.
func (r Routing) reachable(i int) error {
	for j, earlier := range r[:i] {
		every := strings.Trim(earlier.Event, "*") == ""
		if (every || earlier.Event == r[i].Event) && (earlier.If == "" || earlier.If == r[i].If) {
			return fmt.Errorf("it never decides, since route %d applies wherever it does", j+1)
		}
	}
	return nil
}

func checkPath(path string) error {
	names := strings.Split(path, ".")
	if len(names) > maxFieldNames || slices.ContainsFunc(names, func(name string) bool { return !goodPlaceholder(name) }) {
		return fmt.Errorf(`%q is no field: give its name, of at most %d letters, digits, "-" and "_", or several joined by dots`, path, maxPlaceholderBytes)
	}
	return nil
}

// parseSlots reads a channel's name with placeholders.
func parseSlots(text string) (slots []slot, err error) {
	for part := range strings.SplitSeq(text, "/") {
		before, rest, open := strings.Cut(part, "{")
		field, after, closed := strings.Cut(rest, "}")
		if open != closed || strings.ContainsAny(before+field+after, "{}") {
			return nil, fmt.Errorf("a segment holds one {field} at most")
		}
		if open {
			if err := checkPath(field); err != nil {
				return nil, err
			}
		}
		slots = append(slots, slot{before, field, after})
	}
	if _, err := protocol.ParseChannel(join(slots, func(string) string { return "x" })); err != nil {
		return nil, err
	}
	return slots, nil
}

func join(slots []slot, value func(field string) string) string {
	var name strings.Builder
	for i, s := range slots {
		if i > 0 {
			name.WriteByte('/')
		}
		name.WriteString(s.before)
		if s.field != "" {
			name.WriteString(value(s.field))
			name.WriteString(s.after)
		}
	}
	return name.String()
}

// Empty reports whether there is no route at all.
func (r *Router) Empty() bool { return r == nil || len(r.routes) == 0 }

// Route returns where a message goes: each channel once, in the order of the route. It fails with CodeBadRequest if a
// field is there twice, and if the route that decides needs a field that is not there, or cannot stand in a channel's
// name. Such a message goes nowhere, and not on to the next route, whose channels more people may hear.
func (r *Router) Route(event string, data []byte) (Routed, error) {
	return r.route(event, data, func(*route) bool { return true })
}

// ChangePrefix begins the events of routes for changes of documents: "documents/city/taxis created".
const ChangePrefix = "documents/"

// RouteChange is Route for a change of a document. Only routes whose Event begins with ChangePrefix apply to it: one
// for all events is about what backends publish.
func (r *Router) RouteChange(event string, data []byte) (Routed, error) {
	return r.route(event, data, func(one *route) bool { return strings.HasPrefix(one.Event, ChangePrefix) })
}

func (r *Router) route(event string, data []byte, about func(*route) bool) (Routed, error) {
	if r.Empty() {
		return Routed{}, nil
	}
	values, err := r.read(data)
	if err != nil {
		return Routed{}, err
	}
	for i := range r.routes {
		if one := &r.routes[i]; about(one) && one.applies(event, values) {
			channels, err := one.channels(values)
			return Routed{Route: i + 1, Channels: channels}, err
		}
	}
	return Routed{}, nil
}

func (r *route) applies(event string, values map[string][]byte) bool {
	return (r.Event == "" || matchStars(r.Event, event)) && (r.If == "" || says(values[r.If]))
}

// says reports whether a field has a value that counts.
func says(value []byte) bool {
	switch string(value) {
	case "", "null", "false", `""`:
		return false
	}
	return true
}

func (r *route) channels(values map[string][]byte) (list []protocol.Channel, err error) {
	for i, slots := range r.to {
		name := join(slots, func(field string) string {
			text, fault := slotValue(values[field])
			if fault != "" && err == nil {
				err = &protocol.Error{
					Code: protocol.CodeBadRequest, Reason: fmt.Sprintf("field %q of data %s, as the route to %q needs it", field, fault, r.To[i]),
					Hint: "Give a text or a whole number, of the characters of a channel's name and without a slash; nothing was published.",
				}
			}
			return text
		})
		if err != nil {
			return nil, err
		}
		ch, err := protocol.ParseChannel(name)
		if err != nil {
			return nil, &protocol.Error{
				Code: protocol.CodeBadRequest, Reason: fmt.Sprintf("the data makes too long a channel's name of %q", r.To[i]),
				Hint: fmt.Sprintf("It has at most %d bytes: give shorter values; nothing was published.", protocol.MaxChannelBytes),
			}
		}
		if !slices.Contains(list, ch) {
			list = append(list, ch)
		}
	}
	return list, nil
}

// slotValue returns a field's value as it may stand in a segment, or what is wrong with it.
func slotValue(value []byte) (text, fault string) {
	switch {
	case len(value) == 0:
		return "", "is not there"
	case value[0] == '"':
		text, err := protocol.ReadString(value)
		if err != nil || !segmentOfName(text) {
			return "", "cannot stand in a channel's name"
		}
		return text, ""
	case wholeNumber(value):
		return string(value), ""
	}
	return "", "is neither a text nor a whole number"
}

// wholeNumber accepts one way to write a number, so that equal numbers are one channel.
func wholeNumber(value []byte) bool {
	digits := bytes.TrimPrefix(value, []byte("-"))
	return len(digits) > 0 && len(digits) <= 32 && len(bytes.Trim(digits, "0123456789")) == 0 && (digits[0] != '0' || len(value) == 1)
}

// read returns the fields of data that routes look at, as they stand there.
func (r *Router) read(data []byte) (map[string][]byte, error) {
	values := map[string][]byte{}
	if len(r.fields) == 0 {
		return values, nil
	}
	return values, readFields(values, "", data, r.fields)
}

func readFields(values map[string][]byte, above string, data []byte, wanted []string) error {
	if len(data) == 0 || data[0] != '{' {
		return nil
	}
	err := protocol.ReadObject(data, func(name string, value []byte) error {
		path := above + name
		if strings.Contains(name, ".") {
			return nil // it would be taken for a field inside of another
		}
		if slices.Contains(wanted, path) {
			values[path] = value
		}
		if slices.ContainsFunc(wanted, func(w string) bool { return strings.HasPrefix(w, path+".") }) {
			return readFields(values, path+".", value, wanted)
		}
		return nil
	})
	if err != nil {
		return &protocol.Error{Code: protocol.CodeBadRequest, Reason: "data is no object that routes can be told by: a field is there twice, or has a faulty name", Hint: "Name each field once; nothing was published."}
	}
	return nil
}

// Step is what one route does with a message.
type Step struct {
	Route   int    `json:"route"` // counted from 1
	Applies bool   `json:"applies"`
	Why     string `json:"why"`
}

// Explain returns for each route up to the one that decides whether it applies, and why. It decides as Route does.
func (r *Router) Explain(event string, data []byte) (steps []Step, routed Routed, err error) {
	routed, err = r.Route(event, data)
	if r.Empty() {
		return nil, routed, err
	}
	values, fault := r.read(data)
	if fault != nil {
		return nil, routed, err
	}
	for i := range r.routes {
		one, step := &r.routes[i], Step{Route: i + 1}
		switch {
		case one.Event != "" && !matchStars(one.Event, event):
			step.Why = fmt.Sprintf("the event is not %q", one.Event)
		case one.If != "" && !says(values[one.If]):
			step.Why = fmt.Sprintf("the data has no %q", one.If)
		default:
			step.Applies, step.Why = true, "to "+list(one.To)
		}
		if steps = append(steps, step); step.Applies {
			break
		}
	}
	return steps, routed, err
}
