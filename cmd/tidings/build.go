package main

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"time"

	"tidings/access"
	"tidings/actors"
	"tidings/broker"
	"tidings/documents"
	"tidings/hooks"
	"tidings/httpapi"
	"tidings/internal/config"
	"tidings/internal/tracing"
	"tidings/store"
	"tidings/store/relay"
	"tidings/transports"
)

// server is what runs, from the ground up.
type server struct {
	settings    config.Settings
	alone       bool
	log         *slog.Logger
	lostLines   func() uint64 // of the log
	admission   admission
	certificate *certificate    // nil without TLS by files
	authority   *authority      // nil without certificates of an authority
	tracer      *tracing.Tracer // nil without a collector of spans
	history     *history
	tokens      *access.Tokens // nil if clients do not sign in
	broker      broker.Broker
	hooks       *hooks.Client // nil without
	bus         *actors.Bus
	store       store.Store  // nil without documents
	relay       *relay.Relay // of store
	api         *httpapi.API
	inEffect    inEffect

	closers []func() // what stop calls, the last one first
}

// build maps the settings to the packages' configurations and starts what they describe, but listens nowhere. If it
// fails nothing goes on running. If alone is set it has a broker of its own, whatever the settings, and asks no other
// server for one.
func build(s config.Settings, log *serverLog, alone bool) (*server, error) {
	srv := &server{settings: s, log: log.Logger, lostLines: log.writer.lost.Load, alone: alone}
	for _, step := range []func() error{
		srv.buildAdmission, srv.buildTLS, srv.buildTracer, srv.buildBroker, srv.buildHooks, srv.buildStore, srv.buildBus, srv.buildRelay, srv.buildAPI,
	} {
		if err := step(); err != nil {
			srv.stop()
			return nil, err
		}
	}
	return srv, nil
}

// stop ends what runs, what was built last first.
func (srv *server) stop() {
	for _, stop := range slices.Backward(srv.closers) {
		stop()
	}
	srv.closers = nil
}

func (srv *server) onStop(stop func()) { srv.closers = append(srv.closers, stop) }

func (srv *server) buildAdmission() (err error) {
	if srv.admission, err = newAdmission(srv.settings); err != nil {
		return err
	}
	srv.tokens, err = srv.admission.newTokens(srv.log)
	srv.onStop(func() { srv.tokens.Close() }) // those of the moment: SIGHUP may bring others
	return err
}

func (srv *server) buildTLS() (err error) {
	s := srv.settings
	switch {
	case len(s.ACMEHosts) > 0:
		srv.authority, err = newAuthority(s, srv.log)
	case s.TLSCert != "":
		srv.certificate = &certificate{}
		err = srv.certificate.load(s.TLSCert, s.TLSKey)
	}
	return err
}

func (srv *server) buildTracer() (err error) {
	srv.tracer, err = tracing.Start(context.Background(), os.Getenv, version, srv.log)
	return err
}

func (srv *server) buildHooks() (err error) {
	srv.hooks, err = newHooks(srv.settings, srv.log)
	srv.onStop(func() { closeHooks(srv.hooks) })
	return err
}

func (srv *server) buildBus() (err error) {
	busConfig, err := srv.busConfig()
	if err != nil {
		return err
	}
	if srv.bus, err = actors.Start(busConfig); err != nil {
		return err
	}
	srv.onStop(srv.bus.Stop)
	return nil
}

func (srv *server) busConfig() (actors.Config, error) {
	s, c := srv.settings, actors.DefaultConfig()
	ids, err := connectionIDs(s)
	if err != nil {
		return c, err
	}
	c.Broker, c.Logger, c.Node = srv.broker, srv.log, srv.node()
	c.Rules, c.Tokens, c.Routing = srv.admission.rules, srv.tokens, srv.admission.routing
	c.SigningSecret, c.MaxReplies = []byte(s.SigningSecret), s.ReplyChannels
	if s.ReplyChannels == 0 {
		c.MaxReplies = -1
	}
	c.ConnectionIDs, c.MaxGrants = ids, s.MaxGrants
	c.MaxConnections, c.ConnectsPerSecond, c.ConnectionsPerUser = s.MaxConnections, float64(s.ConnectsPerSecond), s.ConnectionsPerUser
	if s.MaxConnections == 0 {
		c.MaxConnections = openFiles() * 9 / 10
	}
	if len(s.TrustedProxies) > 0 {
		c.ConnectionsPerAddress, c.ConnectsPerAddress = s.ConnectionsPerAddress, float64(s.ConnectsPerAddress)
	}
	c.MaxGroups, c.HistoryMessages = s.MaxRooms, s.HistoryMessages
	c.Heartbeat, c.Park, c.CollectWindow = s.Heartbeat, s.Park, s.CollectWindow
	if srv.hooks != nil {
		c.Hooks = srv.hooks.Hooks()
	}
	if err := signingIn(s, srv.hooks, &c.Hooks); err != nil {
		return c, err
	}
	if srv.store != nil {
		c.Documents = documents.Calls(srv.store)
	}
	return c, nil
}

func (srv *server) buildAPI() (err error) {
	c := srv.apiConfig()
	if c.Gateways, err = gateways(srv.settings); err != nil {
		return err
	}
	if srv.api, err = httpapi.New(srv.bus, c); err != nil {
		return err
	}
	srv.onStop(srv.api.Close)
	return nil
}

func (srv *server) apiConfig() httpapi.Config {
	s, c := srv.settings, httpapi.DefaultConfig()
	c.BasePath, c.Keys, c.Dev, c.Log = s.BasePath, srv.admission.keys, s.Dev, srv.log
	c.Metrics, c.TrustedProxies = httpapi.MetricsReaders(s.Metrics), s.TrustedProxies
	c.IdleTimeout, c.Forward = s.IdleTimeout, srv.forwarder()
	c.SigningSecret, c.Settings = []byte(s.SigningSecret), srv.inEffect.list
	if srv.store != nil {
		c.Documents = httpapi.Documents{Store: srv.store, Lag: func() time.Duration { return srv.relay.Stats().Lag }}
	}
	c.CertificateEnds, c.LostLogLines = srv.certificateEnds(), srv.lostLines
	if srv.tracer != nil {
		c.Tracer = srv.tracer
	}
	if s.Dev {
		c.Start, c.Demo, c.Docs = startPage(), demo(), documentation
		c.DemoBackend, c.DemoPages = demoBackend(srv.bus, srv.store), demoPages()
	}
	c.Transports = transports.Config{
		Origins: s.Origins, LocalhostOrigins: s.Dev, Cookies: s.HooksCookies, AllowedHosts: s.AllowedHosts,
		Heartbeat: s.Heartbeat, Park: s.Park, PollHold: s.PollHold,
	}
	return c
}

// certificateEnds returns what reports when the first certificate ends; nil without TLS.
func (srv *server) certificateEnds() func() time.Time {
	switch {
	case srv.authority != nil:
		return srv.authority.ends
	case srv.certificate != nil:
		return srv.certificate.ends
	}
	return nil
}
