package config

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"tidings/access"
)

// complete fills in what depends on other settings and refuses what production must not leave open.
func (s Settings) complete() (Settings, error) {
	var filed []string
	if s.APIKeyFile != "" {
		var err error
		if filed, err = readKeyFile(s.APIKeyFile); err != nil {
			return Settings{}, err
		}
	}
	same := func(entry string) bool { return sameKey(entry, s.APIKey) }
	if s.APIKey != "" && !slices.ContainsFunc(s.APIKeys, same) && !slices.ContainsFunc(filed, same) {
		s.APIKeys = append(s.APIKeys, s.APIKey)
	}
	s.APIKey, s.APIKeys = "", append(s.APIKeys, filed...)
	if (s.TLSCert == "") != (s.TLSKey == "") {
		return Settings{}, errors.New("tls.cert and tls.key belong together: set both, or neither")
	}
	if err := s.acme(); err != nil {
		return Settings{}, err
	}
	if err := s.tokens(); err != nil {
		return Settings{}, err
	}
	if err := s.connectionIDs(); err != nil {
		return Settings{}, err
	}
	if err := s.postgresURL(); err != nil {
		return Settings{}, err
	}
	if slices.ContainsFunc(s.Channels, everything) && s.Subscribe+s.Publish+s.Presence+s.Write != "" {
		return Settings{}, errors.New(`rules.channels has the pattern "**", and rules.subscribe, rules.publish, rules.presence or rules.write says something of the same channels: keep one`)
	}
	if s.Dev {
		return s.development()
	}
	return s.production()
}

// acme refuses what contradicts itself.
func (s Settings) acme() error {
	switch {
	case len(s.ACMEHosts) == 0 && s.ACMECache+s.ACMEEmail+s.ACMEHTTP != "":
		return errors.New("tls.acme.hosts is not set, and other settings of tls.acme are: name the hosts, or remove them")
	case len(s.ACMEHosts) == 0:
		return nil
	case s.TLSCert != "":
		return errors.New("tls.cert and tls.acme.hosts exclude each other: the certificate comes from files, or from an authority")
	case s.ACMECache == "":
		return errors.New("tls.acme.cache is not set: without a directory each start would ask for new certificates, and authorities limit those to a few a week. Name one, such as /var/lib/tidings/acme")
	}
	return nil
}

// everything reports whether a rule is of all channels that no other names.
func everything(r access.Rule) bool { return r.Pattern == "**" }

// tokens reads the secret's file.
func (s *Settings) tokens() error {
	if s.TokenSecretFile == "" {
		return nil
	}
	if s.TokenSecret != "" {
		return errors.New("tokens.secret and tokens.secret_file exclude each other")
	}
	raw, err := ReadText(s.TokenSecretFile)
	if err != nil {
		return fmt.Errorf("tokens.secret_file: %w", err)
	}
	if s.TokenSecret = strings.TrimSpace(string(raw)); s.TokenSecret == "" {
		return fmt.Errorf("tokens.secret_file: %s is empty", s.TokenSecretFile)
	}
	return nil
}

// connectionIDs reads the file of secrets.
func (s *Settings) connectionIDs() error {
	if s.ConnectionIDSecretFile == "" {
		return nil
	}
	if s.ConnectionIDSecret != "" {
		return errors.New("connection_ids.secret and connection_ids.secret_file exclude each other")
	}
	raw, err := ReadText(s.ConnectionIDSecretFile)
	if err != nil {
		return fmt.Errorf("connection_ids.secret_file: %w", err)
	}
	list := strings.Fields(string(raw))
	for _, secret := range list {
		if err := secretLength(secret); err != nil {
			return fmt.Errorf("connection_ids.secret_file: %s: a line %w", s.ConnectionIDSecretFile, err)
		}
	}
	if s.ConnectionIDSecret = strings.Join(list, "\n"); len(list) == 0 {
		return fmt.Errorf("connection_ids.secret_file: %s is empty", s.ConnectionIDSecretFile)
	}
	return nil
}

func (s Settings) development() (Settings, error) {
	s.gateways(On)
	s.Addr = or(s.Addr, "127.0.0.1:8080")
	s.Subscribe = or(s.Subscribe, access.Anyone)
	s.Publish = or(s.Publish, access.Anyone)
	s.Presence = or(s.Presence, access.Anyone)
	s.Write = or(s.Write, access.Anyone)
	switch {
	case s.Store == "" && s.PostgresURL != "":
		s.Store = StorePostgres
	case s.Broker == BrokerRedis && s.SQLitePath == "": // documents of several nodes need a store that they share
		s.Store = or(s.Store, StoreNone)
	}
	s.Store = or(s.Store, StoreSQLite)
	if faults := append(s.storeFaults(), s.brokerFaults()...); len(faults) > 0 {
		return Settings{}, errors.Join(faults...)
	}
	return s, nil
}

func (s Settings) production() (Settings, error) {
	s.gateways(Off)
	var faults []error
	if len(s.APIKeys) == 0 {
		faults = append(faults, errors.New(`no API key: backends could not publish. Set the environment variable TIDINGS_API_KEY, or api_keys or api_key_file in tidings.yaml, to a secret of at least 16 characters (openssl rand -hex 32). To try things out, use --dev`))
	}
	if s.Subscribe == "" && len(s.Channels) == 0 {
		faults = append(faults, errors.New(`rules.subscribe is not set: write "rules: {subscribe: anyone}" in tidings.yaml (every page of an allowed origin may hear every channel whose name it knows), or "subscribe: nobody"`))
	}
	others := access.Rule{Pattern: "**", Subscribe: s.Subscribe, Publish: s.Publish}
	if slices.ContainsFunc(append(slices.Clone(s.Channels), others), wideOpen) {
		faults = append(faults, errors.New(`anyone may subscribe to and publish in every channel, without a token: that is for development. Name the channels where this is meant in rules.channels, as "chat/**": {subscribe: anyone, publish: anyone}`))
	}
	s.Store = or(s.Store, StoreNone)
	faults = append(append(faults, s.storeFaults()...), s.brokerFaults()...)
	if len(faults) > 0 {
		return Settings{}, errors.Join(faults...)
	}
	s.Addr = or(s.Addr, ":8080")
	if s.ConnectsPerSecond == 0 {
		s.ConnectsPerSecond = 500
	}
	s.Subscribe = or(s.Subscribe, access.Nobody)
	s.Publish = or(s.Publish, access.Nobody)
	s.Presence = or(s.Presence, access.Nobody)
	s.Write = or(s.Write, access.Nobody)
	return s, nil
}

// gateways sets those of which nothing is said.
func (s *Settings) gateways(unset Switch) {
	for _, gateway := range []*Switch{&s.GatewayPrimus, &s.GatewayKuzzle, &s.GatewayPakyow, &s.GatewaySocketIO} {
		*gateway = gateway.otherwise(unset)
	}
}

// wideOpen reports whether a rule lets everybody do everything everywhere.
func wideOpen(r access.Rule) bool {
	return everything(r) && r.Subscribe == access.Anyone && r.Publish == access.Anyone
}

func or[T ~string](value, otherwise T) T {
	if value == "" {
		return otherwise
	}
	return value
}

// LogValue keeps the keys out of every log.
func (s Settings) LogValue() slog.Value {
	return slog.GroupValue(slog.Bool("dev", s.Dev), slog.String("addr", s.Addr), slog.Int("api_keys", len(s.APIKeys)),
		slog.String("subscribe", string(s.Subscribe)), slog.String("publish", string(s.Publish)), slog.String("presence", string(s.Presence)), slog.String("write", string(s.Write)), slog.Int("rules", len(s.Channels)))
}

// sameKey reports whether an entry of a list of keys is of that key, whatever its name and scopes: who exports the key
// to publish has it in the environment of a server that is started in the same shell.
func sameKey(entry, key string) bool {
	return entry == key || slices.Contains(strings.Fields(entry), key)
}
