package kuzzle

import (
	"encoding/json"

	"tidings/filter"
	"tidings/protocol"
)

// hearingOf returns the subscription that the bus calls so, or nil.
func (t *talk) hearingOf(native string) *hearing {
	id, scope := splitRoom(native)
	if room := t.rooms[id]; room != nil {
		return room.scopes[scope]
	}
	return nil
}

func isOption(text string) bool {
	for _, o := range usersOf {
		if text == o {
			return true
		}
	}
	return false
}

// subscribe is realtime:subscribe. A client that subscribes again to what it has gets the same answer, and where it
// wants other news of users, another channel.
func (t *talk) subscribe(r *request) *fault {
	if r.overHTTP {
		return t.lang.lacks("realtime:subscribe over HTTP")
	}
	place, wrong := r.channel()
	if wrong != nil {
		return wrong
	}
	if r.body == nil {
		return failure(bodyRequired)
	}
	scope, wrong := r.text("scope", protocol.ScopeAll)
	if wrong != nil {
		return wrong
	}
	users, wrong := r.text("users", protocol.ScopeNone)
	if wrong != nil {
		return wrong
	}
	if !isOption(scope) {
		return failure(invalidScope)
	}
	if !isOption(users) {
		return failure(invalidUsers)
	}
	asked := nativeFilter(r.body)
	parsed, err := filter.Parse(asked)
	if err != nil {
		fault := protocol.AsError(err)
		return refusal(r, t.user, fault.Code, fault.Reason)
	}
	h, begun := t.hearingFor(parsed.ID(place), place, scope)
	watch := users != protocol.ScopeNone && !h.watched
	switch {
	case !begun:
		h.watched, h.waiting = watch, []*request{r}
		native := protocol.ClientFrame{Type: protocol.TypeSubscribe, Channel: place, Filter: asked}
		if scope != protocol.ScopeAll {
			native.Scope = scope
		}
		if watch {
			native.Users = protocol.ScopeAll
		}
		t.ask(native, func(f *protocol.ServerFrame) { t.settled(h, f) })
	case watch:
		h.watched = true
		native := protocol.ClientFrame{Type: protocol.TypePresence, Channel: place, Room: h.native(), Users: protocol.ScopeAll}
		t.ask(native, func(f *protocol.ServerFrame) {
			if wrong := t.refused(r, f); wrong != nil {
				h.watched = false
				t.refuse(r, wrong)
				return
			}
			t.subscribed(h, r)
		})
	default:
		t.subscribed(h, r)
	}
	return nil
}

// hearingFor returns the client's subscription to a room, which it may be about to make.
// begun reports whether it was there already.
func (t *talk) hearingFor(id string, place protocol.Channel, scope string) (h *hearing, begun bool) {
	of := t.rooms[id]
	if of == nil {
		of = &room{id: id, place: place, scopes: map[string]*hearing{}}
		t.rooms[id] = of
	}
	if h = of.scopes[scope]; h != nil {
		return h, true
	}
	h = &hearing{room: of, scope: scope}
	of.scopes[scope] = h
	return h, false
}

// settled takes the bus's answer about a subscription.
func (t *talk) settled(h *hearing, f *protocol.ServerFrame) {
	waiting := h.waiting
	h.waiting = nil
	if f.Type == protocol.TypeError {
		t.forget(h)
		for _, r := range waiting {
			t.refuse(r, t.refused(r, f))
		}
		return
	}
	h.live = true
	for _, r := range waiting {
		t.subscribed(h, r)
	}
}

// forget takes a subscription out of the client's rooms.
func (t *talk) forget(h *hearing) {
	delete(h.room.scopes, h.scope)
	if len(h.room.scopes) == 0 && t.rooms[h.room.id] == h.room {
		delete(t.rooms, h.room.id)
	}
}

// subscribed completes a subscribe, as soon as the bus has the subscription.
func (t *talk) subscribed(h *hearing, r *request) {
	if !h.live {
		h.waiting = append(h.waiting, r)
		return
	}
	users, _ := r.text("users", protocol.ScopeNone) // it was looked at before
	c := h.channelFor(users)
	result := appendText([]byte(`{"roomId":`), h.room.id)
	t.answer(r, append(appendMember(result, "channel", c.name), '}'))
	t.ping(c)
}

// unsubscribe is realtime:unsubscribe: the client leaves the room with all of its channels.
func (t *talk) unsubscribe(r *request) *fault {
	id, wrong := r.inBody("roomId")
	if wrong != nil {
		return wrong
	}
	of := t.rooms[id]
	if of == nil {
		return failure(notSubscribed, t.connection, protocol.Cut(id, maxIDBytes))
	}
	delete(t.rooms, id) // nothing more is heard of it
	left := len(of.scopes)
	for _, h := range of.scopes {
		t.ask(protocol.ClientFrame{Type: protocol.TypeUnsubscribe, Channel: of.place, Room: h.native()}, func(*protocol.ServerFrame) {
			if left--; left == 0 {
				t.answer(r, append(appendText([]byte(`{"roomId":`), id), '}'))
			}
		})
	}
	return nil
}

// count is realtime:count. Who is in a room is known to those who are in it.
func (t *talk) count(r *request) *fault {
	id, wrong := r.inBody("roomId")
	if wrong != nil {
		return wrong
	}
	of := t.rooms[id]
	if of == nil {
		return t.lang.lacks("realtime:count of a room that this connection has not subscribed to")
	}
	for _, h := range of.scopes {
		t.ask(protocol.ClientFrame{Type: protocol.TypePresence, Channel: of.place, Room: h.native()}, func(f *protocol.ServerFrame) {
			if wrong := t.refused(r, f); wrong != nil {
				t.refuse(r, wrong)
				return
			}
			var n uint64
			if f.Count != nil {
				n = *f.Count
			}
			result, _ := json.Marshal(map[string]uint64{"count": n})
			t.answer(r, result)
		})
		break
	}
	return nil
}

// publish is realtime:publish. Who sent it and when, and its id, are there before filters look at it.
func (t *talk) publish(r *request) *fault {
	place, wrong := r.channel()
	if wrong != nil {
		return wrong
	}
	if r.body == nil {
		return failure(bodyRequired)
	}
	if r.body[0] != '{' {
		return failure(invalidType, "body", "object")
	}
	id, wrong := r.text("_id", "")
	if wrong != nil {
		return wrong
	}
	data, err := published(r.body, id, t.user, nowMS())
	if err != nil {
		return unread(err)
	}
	if len(data) > protocol.MaxPayloadBytes {
		return failure(tooLarge)
	}
	from, _ := json.Marshal(origin{Protocol: r.via(), Request: r.id})
	t.ask(protocol.ClientFrame{Type: protocol.TypePublish, Channel: place, Data: data, Meta: r.volatile, Origin: from}, func(f *protocol.ServerFrame) {
		if wrong := t.refused(r, f); wrong != nil {
			t.refuse(r, wrong)
			return
		}
		t.answer(r, []byte(`{"published":true}`))
	})
	return nil
}

// published returns a message as the bus has it: the body, with an id, if it is not empty, and metadata.
func published(body []byte, id, author string, atMS int64) ([]byte, error) {
	data := append(make([]byte, 0, len(body)+128), '{')
	if id != "" {
		data = append(appendText(append(data, `"_id":`...), id), ',')
	}
	data = appendText(append(data, `"_info":{"author":`...), author)
	data = append(appendInt(data, "createdAt", atMS), '}')
	err := protocol.ReadObject(body, func(name string, value []byte) error {
		if name == "_id" && id != "" || name == "_info" || name == kuzzleInfo {
			return nil
		}
		data = append(append(appendText(append(data, ','), name), ':'), value...)
		return nil
	})
	return append(data, '}'), err
}

// hearUsers passes on who came or left. One notification stands for one connection, and the client is told
// nothing of itself.
func (t *talk) hearUsers(f *protocol.ServerFrame) {
	h := t.hearingOf(f.Room)
	if h == nil || f.Count == nil {
		return
	}
	left := f.Type == protocol.TypeLeft
	option := protocol.ScopeIn
	if left {
		option = protocol.ScopeOut
	}
	n := userNews{left: left, place: h.room.place, timeMS: nowMS(), node: t.lang.node}
	for i, m := range f.Members {
		if m.Connection == t.connection {
			continue
		}
		behind := uint64(len(f.Members) - 1 - i) // that changed after this one
		if n.count = *f.Count - behind; left {
			n.count = *f.Count + behind
		}
		for _, c := range h.channels {
			if c.users == protocol.ScopeAll || c.users == option {
				n.channel = c.name
				t.say(n.append(nil))
			}
		}
	}
}
