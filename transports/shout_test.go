package transports

import (
	"bytes"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"tidings/protocol"
)

// shout is a language of a few words. "+a" subscribes to the channel a, "a text" publishes there, "?" is answered "!" at
// once, and "" is malformed. At ?later a client hears "WELCOME" first, and its session opens with "hi TOKEN". Whoever hears a message hears "a TEXT", but not in the second after "a ok", which is the
// answer to a subscribe, unless a pong carries "go on". It beats by "tick" every minute, and bids farewell with "BYE CODE" and the number 4999.
type shout struct{}

func (shout) Gateway() protocol.Gateway { return protocol.GatewayPakyow }

func (shout) Greet(w http.ResponseWriter, r *http.Request) *Greeting {
	if r.URL.Query().Has("go") {
		http.Error(w, "GO AWAY", http.StatusTeapot)
		return nil
	}
	if r.URL.Query().Has("later") {
		return &Greeting{Talk: &shouter{}, Later: true, First: protocol.AppendText(nil, []byte("WELCOME"))}
	}
	return &Greeting{Talk: &shouter{}, Subprotocol: r.Header.Get("Sec-WebSocket-Protocol"), MaxMessage: 100_000}
}

func (shout) Unsupported() map[string]uint64 { return map[string]uint64{"whisper": 7} }

// shouter is one connection of shout.
type shouter struct {
	quiet atomic.Pointer[time.Time] // nothing is said of messages before, if it is there
	begun bool                      // the clock's own
}

func (*shouter) Hear(message []byte) Heard {
	words, id := string(message), uint64(1)
	switch channel, text, publishes := strings.Cut(words, " "); {
	case words == "":
		return Heard{Malformed: &protocol.Error{Code: protocol.CodeBadRequest, Reason: "SILENCE", Hint: "Shout."}}
	case words == "?":
		return Heard{Back: protocol.AppendText(nil, []byte("!"))}
	case strings.HasPrefix(words, "hi "):
		return Heard{Frames: []protocol.ClientFrame{{Type: protocol.TypeConnect, Token: words[3:]}, {Type: protocol.TypeSubscribe, ID: id, Channel: "greeted"}}}
	case words == "bye":
		return Heard{Frames: []protocol.ClientFrame{{Type: protocol.TypeDisconnect}}}
	case strings.HasPrefix(words, "??"):
		return Heard{Back: protocol.AppendText(nil, bytes.Repeat([]byte("!"), 60<<10))}
	case publishes:
		return Heard{Frames: []protocol.ClientFrame{{Type: protocol.TypePublish, ID: id, Channel: protocol.Channel(channel), Data: []byte(`"` + text + `"`)}}}
	default:
		return Heard{Frames: []protocol.ClientFrame{{Type: protocol.TypeSubscribe, ID: id, Channel: protocol.Channel(words[1:])}}}
	}
}

// shouted counts how often a message was put into words.
var shouted atomic.Int64

func (s *shouter) Shared(e *protocol.Encoded) []byte {
	if e.Message == nil || s.wait() > 0 {
		return nil
	}
	return e.As("shout", func(e *protocol.Encoded) []byte {
		shouted.Add(1)
		if e.Message.Event == "secret" {
			return nil
		}
		return protocol.AppendText(nil, []byte(string(e.Message.Channel)+" "+strings.ToUpper(strings.Trim(string(e.Message.Data), `"`))))
	})
}

func (s *shouter) Say(dst []byte, e *protocol.Encoded) ([]byte, time.Duration) {
	switch {
	case e.Message != nil:
		return dst, s.wait()
	case e.Frame.Type == protocol.TypeSubscribed:
		quiet := time.Now().Add(time.Second)
		s.quiet.Store(&quiet)
		return protocol.AppendText(dst, []byte(string(e.Frame.Channel)+" ok")), 0
	case e.Frame.Type == protocol.TypeError:
		return protocol.AppendText(dst, []byte("NO: "+string(e.Frame.Code))), 0
	}
	return dst, 0
}

func (s *shouter) wait() time.Duration {
	if quiet := s.quiet.Load(); quiet != nil {
		return max(0, time.Until(*quiet))
	}
	return 0
}

func (s *shouter) Pong(carried []byte) (goOn bool) {
	if goOn = string(carried) == "go on"; goOn {
		s.quiet.Store(nil)
	}
	return goOn
}

func (*shouter) Farewell(last *protocol.ServerFrame) ([]byte, int) {
	if last == nil {
		return nil, 4998
	}
	return protocol.AppendText(nil, []byte("BYE "+string(last.Code))), 4999
}

func (s *shouter) Due(now, heard time.Time) Due {
	due := Due{Next: now.Add(time.Minute)}
	if s.begun {
		due.Back = protocol.AppendText(nil, []byte("tick"))
	}
	if s.begun = true; now.Sub(heard) > 10*time.Minute {
		due.End = errSilent
	}
	return due
}
