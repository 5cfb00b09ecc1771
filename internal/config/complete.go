package config

import (
	"errors"
	"log/slog"
)

// complete fills in what depends on other settings and refuses what production must not leave open.
func (s Settings) complete() (Settings, error) {
	if s.APIKey != "" {
		s.APIKeys = append(s.APIKeys, s.APIKey)
		s.APIKey = ""
	}
	if s.APIKeyFile != "" {
		more, err := readKeyFile(s.APIKeyFile)
		if err != nil {
			return Settings{}, err
		}
		s.APIKeys = append(s.APIKeys, more...)
	}
	if (s.TLSCert == "") != (s.TLSKey == "") {
		return Settings{}, errors.New("tls.cert and tls.key belong together: set both, or neither")
	}
	if err := s.acme(); err != nil {
		return Settings{}, err
	}
	if s.Dev {
		return s.development(), nil
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

func (s Settings) development() Settings {
	s.Addr = or(s.Addr, "127.0.0.1:8080")
	s.Subscribe = or(s.Subscribe, anyone)
	s.Publish = or(s.Publish, anyone)
	s.Presence = or(s.Presence, anyone)
	return s
}

func (s Settings) production() (Settings, error) {
	var faults []error
	if len(s.APIKeys) == 0 {
		faults = append(faults, errors.New(`no API key: backends could not publish. Set the environment variable TIDINGS_API_KEY, or api_keys or api_key_file in tidings.yaml, to a secret of at least 16 characters (openssl rand -hex 32). To try things out, use --dev`))
	}
	if s.Subscribe == "" {
		faults = append(faults, errors.New(`rules.subscribe is not set: write "rules: {subscribe: anyone}" in tidings.yaml (every page of an allowed origin may hear every channel whose name it knows), or "subscribe: nobody"`))
	}
	if len(faults) > 0 {
		return Settings{}, errors.Join(faults...)
	}
	s.Addr = or(s.Addr, ":8080")
	s.Publish = or(s.Publish, nobody)
	s.Presence = or(s.Presence, nobody)
	return s, nil
}

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

// LogValue keeps the keys out of every log.
func (s Settings) LogValue() slog.Value {
	return slog.GroupValue(slog.Bool("dev", s.Dev), slog.String("addr", s.Addr), slog.Int("api_keys", len(s.APIKeys)),
		slog.String("subscribe", s.Subscribe), slog.String("publish", s.Publish), slog.String("presence", s.Presence))
}
