package main

import (
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"sync/atomic"
	"time"

	"tidings/access"
	"tidings/core"
	"tidings/internal/config"
	"tidings/protocol"
)

// admission is who may do what, read from settings and files.
type admission struct {
	keys    access.Keys
	rules   access.Rules
	policy  *access.Policy // of rules
	routing access.Routing
	router  *access.Router     // of routing
	tokens  access.TokenConfig // zero: everybody is anonymous
}

// admissions are the settings that admission is made of, which SIGHUP takes.
var admissions = []string{
	"api_key", "api_keys", "api_key_file", "rules.subscribe", "rules.publish", "rules.presence", "rules.write", channelRules, "routing",
	"joins.anonymous", "joins.authenticated",
	"tokens.issuer", "tokens.audience", "tokens.secret", "tokens.secret_file", "tokens.public_key_file", "tokens.key_set_file", "tokens.key_set_url",
	"tokens.key_set_refresh", "tokens.private_network", "tokens.roles", "tokens.permissions", "tokens.max_lifetime",
}

const channelRules = "rules.channels"

func newAdmission(s config.Settings) (a admission, err error) {
	if a.keys, err = access.NewKeys(s.APIKeys...); err != nil {
		return a, fmt.Errorf("API keys: %w", err)
	}
	a.rules = access.Rules{Subscribe: s.Subscribe, Publish: s.Publish, Presence: s.Presence, Write: s.Write, Channels: s.Channels, Joins: s.Joins}
	if a.policy, err = a.rules.Compile(); err != nil {
		return a, fmt.Errorf("rules: %w", err)
	}
	a.routing = s.Routing
	if a.router, err = a.routing.Compile(); err != nil {
		return a, fmt.Errorf("routing: %w", err)
	}
	if a.tokens, err = tokenConfig(s); err != nil {
		return a, err
	}
	if s.UsersFile != "" {
		if _, err := newSignIn(s); err != nil {
			return a, err
		}
	}
	if a.policy.NeedsIdentity() && !a.signsIn() {
		return a, errors.New("rules or joins.authenticated name users, roles or permissions, and there are no tokens to know them by: set tokens.issuer, tokens.audience and a key")
	}
	return a, nil
}

// signsIn reports whether clients can have an identity.
func (a *admission) signsIn() bool { return !reflect.DeepEqual(a.tokens, access.TokenConfig{}) }

// tokenConfig reads the files of the settings tokens; it is zero if nothing of them is set.
func tokenConfig(s config.Settings) (c access.TokenConfig, err error) {
	if s.TokenIssuer+s.TokenAudience+s.TokenSecret+s.TokenPublicKeyFile+s.TokenKeyFile+s.TokenKeyURL == "" {
		return c, nil
	}
	c = access.TokenConfig{
		Issuer: s.TokenIssuer, Audience: s.TokenAudience, KeySetURL: s.TokenKeyURL, KeySetRefresh: s.TokenKeyRefresh,
		PrivateNetwork: s.TokenPrivateNetwork, Roles: s.TokenRoles, Permissions: s.TokenPermissions, MaxLifetime: s.TokenMaxLifetime,
	}
	if s.TokenSecret != "" {
		c.Secret = []byte(s.TokenSecret)
	}
	for _, f := range []struct {
		setting, name string
		to            *[]byte
	}{{"public_key_file", s.TokenPublicKeyFile, &c.PublicKeys}, {"key_set_file", s.TokenKeyFile, &c.KeySet}} {
		if f.name == "" {
			continue
		}
		if *f.to, err = config.ReadText(f.name); err != nil {
			return c, fmt.Errorf("tokens.%s: %w", f.setting, err)
		}
	}
	if err := c.Validate(); err != nil {
		return c, fmt.Errorf("tokens: %w", err)
	}
	return c, nil
}

// newTokens makes the verifier; nil if clients do not sign in.
func (a *admission) newTokens(log *slog.Logger) (*access.Tokens, error) {
	if !a.signsIn() {
		return nil, nil
	}
	cfg := a.tokens
	cfg.Log = log
	t, err := access.NewTokens(cfg)
	if err != nil {
		return nil, fmt.Errorf("tokens: %w", err)
	}
	return t, nil
}

// history returns the bounds of channels as they are made: those of the node, and what the rule of the moment says.
type history struct {
	node   core.StreamConfig
	policy atomic.Pointer[access.Policy]
}

func (h *history) of(ch protocol.Channel) core.StreamConfig {
	c := h.node
	limits, _ := h.policy.Load().Limits(ch)
	if limits.HistoryMessages > 0 {
		c.MaxMessages = limits.HistoryMessages
	}
	if limits.HistoryAge > 0 {
		c.MaxAge = limits.HistoryAge
	}
	if limits.HistoryBytes > 0 {
		c.MaxBytes = limits.HistoryBytes
	}
	return c.For(ch, time.Now())
}
