package httpapi

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"

	"tidings/protocol"
	"tidings/transports"
)

// Listener returns l with conns that are watched: a body that is announced and never sent, an answer that nobody reads
// and a length together with chunks end them. Serve it with server, which Server returned and which speaks TLS if it
// has a configuration for that. Without TLS, first requests of the known forms are read without net/http.
func (a *API) Listener(l net.Listener, server *http.Server) net.Listener {
	if server.TLSConfig != nil {
		return a.guard.Listener(l, true)
	}
	return a.handler.Listener(l, transports.Arrivals{Server: server, Guard: a.guard.Conn, Enter: a.silent.enter, Leave: a.silent.forget})
}

// EndKeepAlives makes every answer from now on the last of its conn, so that clients come back elsewhere. server is
// the one that Server returned.
func (a *API) EndKeepAlives(server *http.Server) {
	a.handler.StopResting() // before net/http closes what is idle there
	server.SetKeepAlivesEnabled(false)
}

// Shutdown is server's, and waits also for the requests that are under way on conns which net/http does not have. Call
// EndKeepAlives before.
func (a *API) Shutdown(ctx context.Context, server *http.Server) error {
	return errors.Join(server.Shutdown(ctx), a.handler.Wait(ctx))
}

// watch sets by what waiting bodies are counted, and how one too many is refused.
func (a *API) watch() {
	a.guard.Address = func(r *http.Request) (string, bool) {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil || a.proxies.trust(peer.Addr().Unmap()) {
			return "", false
		}
		return protocol.AddressBlock(peer.Addr().Unmap()).String(), true
	}
	a.guard.Refuse = func(w http.ResponseWriter, _ *http.Request) {
		a.refused.Add(errBodies.Code, 1)
		transports.WriteJSON(w, errBodies.Code.Row().HTTP, protocol.AppendError(nil, errBodies))
	}
}

var errBodies = &protocol.Error{
	Code:   protocol.CodeRateLimited,
	Reason: "too many requests of this address wait for their bodies",
	Hint:   "Send a body together with its head, and at most 512 at a time.",
}
