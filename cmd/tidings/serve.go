package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"tidings/internal/config"
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
	configFlag(cmd, &file)
	config.AddFlags(cmd.Flags())
	return cmd
}

func serve(ctx context.Context, s config.Settings, src config.Sources, out io.Writer) error {
	signal.Ignore(syscall.SIGPIPE) // a reader of our output that leaves does not end the server
	lines := newLog(s, os.Stderr)
	defer lines.close()
	log := lines.Logger
	slog.SetDefault(log)
	limitMemory(log)
	srv, err := build(s, lines, false)
	if err != nil {
		return fmt.Errorf("not started: %w", err)
	}
	defer srv.stop()
	srv.inEffect.begin(src)
	listener, err := listen(s.Addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("not started: another program listens on %s: end it, or choose another address, such as --addr 127.0.0.1:8081", s.Addr)
	}
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
	web.TLSConfig = srv.tls()
	listener = srv.api.Listener(listener, web)
	failed := make(chan error, 1)
	go func() {
		if web.TLSConfig == nil {
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
	return srv.shutdown(web)
}

// tls is how the server speaks TLS; nil if it does not.
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
	srv.beginRelay()
	if srv.authority == nil {
		return func() {}, nil
	}
	return srv.authority.begin()
}

// lastRequests is how long requests that are under way may take after the clients were sent away.
const lastRequests = 5 * time.Second

// shutdown sends the clients away, then ends what is left. It returns nil also if some had to be cut: they come back by
// themselves.
func (srv *server) shutdown(web *http.Server) error {
	log, window := srv.log, srv.settings.Drain
	log.Info("draining", "delay", srv.settings.DrainDelay.String(), "window", window.String())
	start := time.Now()
	srv.bus.Retire(context.Background(), srv.settings.DrainDelay)
	srv.api.EndKeepAlives(web) // else clients that poll and publish stay on the conns they have, and are refused here
	ctx, cancel := context.WithTimeout(context.Background(), window)
	defer cancel()
	if err := srv.bus.Drain(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		log.Warn("drain", "error", err)
	}
	srv.api.Close()
	ctx, cancel = context.WithTimeout(context.Background(), lastRequests)
	defer cancel()
	if err := srv.api.Shutdown(ctx, web); err != nil {
		log.Warn("requests under way were cut", "error", err)
		web.Close()
	}
	if srv.tracer != nil {
		srv.tracer.Stop(ctx)
	}
	log.Info("stopped", "took", time.Since(start).String())
	return nil
}
