package main

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"
)

//go:embed page
var page embed.FS

// shown is what the page shows.
type shown struct {
	Channel   string      `json:"channel"`
	Published int         `json:"published"`
	Repeats   int         `json:"repeats"`
	Nodes     []shownNode `json:"nodes"`
	Listeners []listener  `json:"listeners"`
	Yours     []carrier   `json:"yours"` // the connections of the page that asks
	Events    []happening `json:"events"`
}

// carrier is a connection of the page that asks.
type carrier struct {
	Transport string `json:"transport"`
	Node      string `json:"node"`
}

type shownNode struct {
	Name    string `json:"name"`
	ID      string `json:"id"`
	Addr    string `json:"addr"`
	State   string `json:"state"`
	Taken   int    `json:"taken"`   // publishes
	Carried int    `json:"carried"` // messages to listeners
}

// serveControl serves the page and what it asks for. The balancer hands both on, so that they have one origin with the
// bus; it stands beside the nodes, and works while none does.
func (s *stage) serveControl(port int) error {
	files, err := fs.Sub(page, "page")
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /cluster/", http.StripPrefix("/cluster/", http.FileServerFS(files)))
	mux.HandleFunc("GET /cluster/state", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		json.NewEncoder(w).Encode(s.show(s.connections(r.Context(), r.FormValue("page"))))
	})
	mux.HandleFunc("POST /cluster/{node}/{act}", s.onAct)
	l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", port))
	if err != nil {
		return err
	}
	// A page of another origin could send the browser's user here: it gets no further.
	s.control = &http.Server{Handler: http.NewCrossOriginProtection().Handler(mux)}
	go s.control.Serve(l)
	return nil
}

// onAct does to a node what the page asks for, and answers when it is under way.
func (s *stage) onAct(w http.ResponseWriter, r *http.Request) {
	for _, n := range s.nodes {
		if n.name != r.PathValue("node") {
			continue
		}
		switch r.PathValue("act") {
		case "kill":
			s.ledger.happened(n.name + " was killed")
			n.end(syscall.SIGKILL)
		case "start":
			go s.again(n)
		case "deploy":
			s.ledger.happened(n.name + " sends its clients away, as in a deploy")
			go func() {
				n.end(syscall.SIGTERM)
				s.again(n)
			}()
		default:
			http.Error(w, "a node can be told: kill, start, deploy", http.StatusNotFound)
		}
		return
	}
	http.Error(w, "there is no such node", http.StatusNotFound)
}

func (s *stage) again(n *node) {
	if err := n.again(context.Background()); err != nil {
		s.ledger.happened(n.name + " does not start: " + err.Error())
		return
	}
	if state, _ := n.is(); state == up {
		s.ledger.happened(n.name + " is up again")
	}
}

// show returns what the page shows, whose own connections have these transports and ids.
func (s *stage) show(own []carrier) shown {
	var nodes []shownNode
	for _, n := range s.nodes {
		state, id := n.is()
		nodes = append(nodes, shownNode{Name: n.name, ID: id, Addr: n.addr, State: state})
	}
	l := s.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	view := shown{Channel: channel, Published: l.published, Repeats: l.repeats, Events: l.events, Nodes: nodes}
	for i := range nodes {
		nodes[i].Taken = l.taken[nodes[i].Name]
	}
	for id, messages := range l.carried {
		for i := range nodes {
			if nodes[i].Name == l.names[id] {
				nodes[i].Carried += messages
			}
		}
	}
	for _, one := range l.listeners {
		copied := *one
		copied.Node = l.names[one.Node]
		view.Listeners = append(view.Listeners, copied)
	}
	for _, c := range own {
		view.Yours = append(view.Yours, carrier{c.Transport, l.names[nodeOf(c.Node)]})
	}
	return view
}

// connections asks the bus for the connections of a page, each of which listens to a channel of that name.
func (s *stage) connections(ctx context.Context, page string) (own []carrier) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	for after := ""; page != ""; {
		ask := url.Values{"channel": {"cluster/page/" + page}}
		if after != "" {
			ask.Set("after", after)
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/api/connections?"+ask.Encode(), nil)
		if err != nil {
			return own
		}
		r.Header.Set("Authorization", "Bearer "+s.key)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return own
		}
		var list struct {
			Connections []struct{ Connection, Transport, State string }
			After       string
		}
		json.NewDecoder(answer.Body).Decode(&list)
		answer.Body.Close()
		for _, c := range list.Connections {
			if c.State == "linked" {
				own = append(own, carrier{c.Transport, c.Connection})
			}
		}
		if after = list.After; after == "" {
			break
		}
	}
	return own
}
