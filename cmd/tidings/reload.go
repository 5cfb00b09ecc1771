package main

import (
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"tidings/access"
	"tidings/internal/config"
)

// reloading takes other keys, rules and certificates at SIGHUP, until stop is called. No connection is dropped.
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
	keys, rules, err := admission(s)
	if err != nil {
		return err
	}
	if s.TLSCert != "" && srv.certificate != nil {
		if err := srv.certificate.load(s.TLSCert, s.TLSKey); err != nil {
			return err
		}
	}
	if err := srv.bus.SetRules(rules); err != nil {
		return err
	}
	srv.api.SetKeys(keys)
	log.Info("reloaded", "settings", s)
	taken := []string{"api_key", "api_keys", "api_key_file", "rules.subscribe", "rules.publish", "rules.presence"}
	if srv.certificate != nil && s.TLSCert != "" {
		taken = append(taken, "tls.cert", "tls.key")
	}
	if waiting := config.Differences(srv.settings, s, taken...); len(waiting) > 0 {
		log.Warn("these changes wait for the next start", "settings", strings.Join(waiting, ", "))
	}
	return nil
}

// admission is who may do what.
func admission(s config.Settings) (access.Keys, access.Rules, error) {
	keys, err := access.NewKeys(s.APIKeys...)
	if err != nil {
		return access.Keys{}, access.Rules{}, fmt.Errorf("API keys: %w", err)
	}
	rules := access.Rules{Subscribe: access.Allowance(s.Subscribe), Publish: access.Allowance(s.Publish), Presence: access.Allowance(s.Presence)}
	return keys, rules, rules.Validate()
}
