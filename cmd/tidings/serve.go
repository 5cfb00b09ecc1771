package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"tidings/access"
	"tidings/actors"
	"tidings/broker/memory"
	"tidings/core"
	"tidings/hooks"
	"tidings/httpapi"
	"tidings/internal/config"
	"tidings/internal/tracing"
	"tidings/transports"
)

func serveCommand() *cobra.Command {
	var file string
	var print bool
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: "Run the server. Settings come from tidings.yaml, the environment (TIDINGS_…) and flags, the later over the earlier; docs/CONFIG.md lists them.\n" +
			"SIGHUP reads them again: other API keys, rules and certificates take effect, and no connection is dropped.\n" +
			"SIGTERM or SIGINT sends the clients away over the drain window and ends with status 0; a second one ends at once.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			src := config.Sources{File: file, Environ: os.Environ(), Flags: cmd.Flags()}
			if print {
				return printConfig(src, cmd.OutOrStdout())
			}
			s, err := config.Load(src)
			if err != nil {
				return fmt.Errorf("not started:\n%w", err)
			}
			return serve(cmd.Context(), s, src, cmd.OutOrStdout())
		},
	}
	cmd.Flags().BoolVar(&print, "print-config", false, "print the settings that are in effect, and where each comes from, and end; secrets are hidden")
	settingFlags(cmd, &file)
	return cmd
}

// server is what runs, from the ground up.
type server struct {
	settings    config.Settings
	broker      *memory.Broker
	bus         *actors.Bus
	api         *httpapi.API
	certificate *certificate    // nil without TLS by files
	authority   *authority      // nil without certificates of an authority
	tracer      *tracing.Tracer // nil without a collector of spans
	admission   admission
	tokens      *access.Tokens // nil where clients do not sign in
	history     *history
	hooks       *hooks.Client // nil without
}

func serve(ctx context.Context, s config.Settings, src config.Sources, out io.Writer) error {
	log := newLog(s, os.Stderr)
	slog.SetDefault(log)
	limitMemory(log)
	srv, err := build(s, log)
	if err != nil {
		return fmt.Errorf("not started: %w", err)
	}
	defer srv.stop()
	listener, err := net.Listen("tcp", s.Addr)
	if err != nil {
		return fmt.Errorf("not started: %w", err)
	}
	stop, err := srv.begin()
	if err != nil {
		return fmt.Errorf("not started: %w", err)
	}
	defer stop()
	if slices.Contains(s.Origins, "*") {
		log.Warn("origins: every page may connect")
	}
	defer srv.reloading(src, log)() // before anybody can know that the server is there
	log.Info("listening", "version", version, "settings", s)
	announce(out, s)
	web := srv.api.Server(s.Addr)
	failed := make(chan error, 1)
	go func() {
		if web.TLSConfig = srv.tls(); web.TLSConfig == nil {
			failed <- web.Serve(listener)
			return
		}
		failed <- web.ServeTLS(listener, "", "")
	}()
	go watchMemory(ctx, srv.bus, log)
	if srv.authority != nil {
		go srv.authority.fetch(ctx)
	}
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	return srv.shutdown(web, s.Drain, log)
}

// tls is how the server speaks TLS; nil where it does not.
func (srv *server) tls() *tls.Config {
	switch {
	case srv.authority != nil:
		return srv.authority.config()
	case srv.certificate != nil:
		return srv.certificate.config()
	}
	return nil
}

// begin starts what runs beside the server's port.
func (srv *server) begin() (stop func(), err error) {
	if srv.authority == nil {
		return func() {}, nil
	}
	return srv.authority.begin()
}

// lastRequests is how long requests that are under way may take after the clients were sent away.
const lastRequests = 5 * time.Second

// shutdown sends the clients away, then ends what is left. It gives nil also where some had to be cut: they come back by themselves.
func (srv *server) shutdown(web *http.Server, window time.Duration, log *slog.Logger) error {
	log.Info("draining", "window", window.String())
	start := time.Now()
	web.SetKeepAlivesEnabled(false) // else those who poll and publish stay on the conns they have, and meet refusals here
	ctx, cancel := context.WithTimeout(context.Background(), window)
	defer cancel()
	if err := srv.bus.Drain(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		log.Warn("drain", "error", err)
	}
	srv.api.Close()
	ctx, cancel = context.WithTimeout(context.Background(), lastRequests)
	defer cancel()
	if err := web.Shutdown(ctx); err != nil {
		log.Warn("requests under way were cut", "error", err)
		web.Close()
	}
	if srv.tracer != nil {
		srv.tracer.Stop(ctx)
	}
	log.Info("stopped", "took", time.Since(start).String())
	return nil
}

func (srv *server) stop() {
	srv.api.Close()
	srv.bus.Stop()
	closeHooks(srv.hooks)
	srv.broker.Close()
	srv.tokens.Close()
}

// build maps the settings to the packages' configurations.
func build(s config.Settings, log *slog.Logger) (*server, error) {
	admitted, err := newAdmission(s)
	if err != nil {
		return nil, err
	}
	var shown *certificate
	if s.TLSCert != "" {
		shown = &certificate{}
		if err := shown.load(s.TLSCert, s.TLSKey); err != nil {
			return nil, err
		}
	}
	var issued *authority
	if len(s.ACMEHosts) > 0 {
		if issued, err = newAuthority(s, log); err != nil {
			return nil, err
		}
	}
	tracer, err := tracing.Start(context.Background(), os.Getenv, version, log)
	if err != nil {
		return nil, err
	}
	streams := &history{node: core.DefaultStreamConfig()}
	streams.node.MaxMessages, streams.node.MaxAge, streams.node.MaxBytes = s.HistoryMessages, s.HistoryAge, int(s.HistoryBytes)
	streams.policy.Store(admitted.policy)
	kept := memory.DefaultConfig()
	kept.Stream = streams.of
	if err := kept.Validate(); err != nil {
		return nil, err
	}
	ids, err := connectionIDs(s)
	if err != nil {
		return nil, err
	}
	tokens, err := admitted.newTokens(log)
	if err != nil {
		return nil, err
	}
	asked, err := newHooks(s, log)
	if err != nil {
		tokens.Close()
		return nil, err
	}
	broker := memory.New(kept)

	heard := actors.DefaultConfig()
	heard.Broker, heard.Logger = broker, log
	heard.Rules, heard.Tokens, heard.Routing = admitted.rules, tokens, admitted.routing
	heard.SigningSecret, heard.MaxReplies = []byte(s.SigningSecret), s.ReplyChannels
	if s.ReplyChannels == 0 {
		heard.MaxReplies = -1
	}
	heard.ConnectionIDs, heard.MaxGrants = ids, s.MaxGrants
	heard.MaxConnections, heard.ConnectsPerSecond, heard.ConnectionsPerUser = s.MaxConnections, float64(s.ConnectsPerSecond), s.ConnectionsPerUser
	if s.MaxConnections == 0 {
		heard.MaxConnections = openFiles() * 9 / 10
	}
	if len(s.TrustedProxies) > 0 {
		heard.ConnectionsPerAddress, heard.ConnectsPerAddress = s.ConnectionsPerAddress, float64(s.ConnectsPerAddress)
	}
	heard.Heartbeat, heard.Park, heard.CollectWindow = s.Heartbeat, s.Park, s.CollectWindow
	if asked != nil {
		heard.Hooks = asked.Hooks()
	}
	bus, err := actors.Start(heard)
	if err != nil {
		closeHooks(asked)
		broker.Close()
		tokens.Close()
		return nil, err
	}

	web := httpapi.DefaultConfig()
	web.BasePath, web.Keys, web.Dev, web.Log = s.BasePath, admitted.keys, s.Dev, log
	web.Metrics, web.TrustedProxies = httpapi.MetricsReaders(s.Metrics), s.TrustedProxies
	web.Demo = demo()
	switch {
	case issued != nil:
		web.CertificateEnds = issued.ends
	case shown != nil:
		web.CertificateEnds = shown.ends
	}
	if tracer != nil {
		web.Tracer = tracer
	}
	if s.Dev {
		web.DemoBackend = demoBackend(bus)
	}
	web.Transports = transports.Config{
		Origins: s.Origins, LocalhostOrigins: s.Dev, AllowedHosts: s.AllowedHosts,
		Heartbeat: s.Heartbeat, Park: s.Park, PollHold: s.PollHold,
	}
	api, err := httpapi.New(bus, web)
	if err != nil {
		bus.Stop()
		broker.Close()
		tokens.Close()
		closeHooks(asked)
		return nil, err
	}
	return &server{
		hooks:    asked,
		settings: s, broker: broker, bus: bus, api: api, certificate: shown, authority: issued, tracer: tracer,
		admission: admitted, tokens: tokens, history: streams,
	}, nil
}

func newLog(s config.Settings, out io.Writer) *slog.Logger {
	var level slog.Level
	level.UnmarshalText([]byte(s.LogLevel)) // the settings hold one of its names
	options := &slog.HandlerOptions{Level: level}
	if s.LogFormat == "text" {
		return slog.New(slog.NewTextHandler(out, options))
	}
	return slog.New(slog.NewJSONHandler(out, options))
}
