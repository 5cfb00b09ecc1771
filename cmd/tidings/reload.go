package main

import (
	"log/slog"
	"os"
	"os/signal"
	"reflect"
	"slices"
	"strings"
	"syscall"

	"tidings/internal/config"
)

// reloading takes other keys, rules, routes and certificates at SIGHUP, until stop is called. No connection is dropped.
func (srv *server) reloading(src config.Sources, log *slog.Logger) (stop func()) {
	hangup := make(chan os.Signal, 1)
	done := make(chan struct{})
	signal.Notify(hangup, syscall.SIGHUP)
	go func() {
		defer close(done)
		for range hangup {
			if err := srv.reload(src, log); err != nil {
				log.Error("not reloaded: everything stays as it was", "error", err.Error())
			}
		}
	}()
	return func() {
		signal.Stop(hangup)
		close(hangup)
		<-done
	}
}

// reload reads and checks everything before it changes anything.
func (srv *server) reload(src config.Sources, log *slog.Logger) error {
	s, err := config.Load(src)
	if err != nil {
		return err
	}
	admitted, err := newAdmission(s)
	if err != nil {
		return err
	}
	if s.TLSCert != "" && srv.certificate != nil {
		if err := srv.certificate.load(s.TLSCert, s.TLSKey); err != nil {
			return err
		}
	}
	if err := srv.admit(admitted, log); err != nil {
		return err
	}
	log.Info("reloaded", "settings", s)
	taken := slices.Clone(admissions)
	if srv.certificate != nil && s.TLSCert != "" {
		taken = append(taken, "tls.cert", "tls.key")
	}
	srv.inEffect.reload(src, taken)
	if waiting := config.Differences(srv.settings, s, taken...); len(waiting) > 0 {
		log.Warn("these changes wait for the next start", "settings", strings.Join(waiting, ", "))
	}
	return nil
}

// admit puts other keys, tokens, rules and routes into effect. Tokens that were verified, and keys that were fetched,
// are kept if their settings are what they were.
func (srv *server) admit(a admission, log *slog.Logger) error {
	if !reflect.DeepEqual(a.tokens, srv.admission.tokens) {
		tokens, err := a.newTokens(log)
		if err != nil {
			return err
		}
		srv.bus.SetTokens(tokens)
		srv.tokens.Close()
		srv.tokens = tokens
	}
	srv.history.policy.Store(a.policy)
	if err := srv.bus.SetRules(a.rules); err != nil {
		return err
	}
	if err := srv.bus.SetRouting(a.routing); err != nil {
		return err
	}
	srv.api.SetKeys(a.keys)
	srv.admission = a
	return nil
}
