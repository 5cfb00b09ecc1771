package config

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// brokerFaults returns what contradicts the broker that is set.
func (s *Settings) brokerFaults() (faults []error) {
	if s.Broker != BrokerRedis {
		if len(s.RedisURLs) > 0 {
			faults = append(faults, fmt.Errorf("redis.url is set, and broker is %s: set broker to redis, or remove it", s.Broker))
		}
		return faults
	}
	if len(s.RedisURLs) == 0 {
		faults = append(faults, errors.New("redis.url is not set, and broker is redis: set the environment variable TIDINGS_REDIS_URL, or redis.url in tidings.yaml, to where it is, such as redis://USER:PASSWORD@redis.example.com:6379"))
	}
	if s.SigningSecret == "" {
		faults = append(faults, errors.New("signing_secret is not set, and broker is redis: the nodes could not read the reply channels of each other. Set the environment variable TIDINGS_SIGNING_SECRET to the same secret on all nodes (openssl rand -hex 32)"))
	}
	if s.Store == StoreSQLite {
		faults = append(faults, errors.New("store is sqlite, and broker is redis: a file belongs to one process, and several nodes would each have other documents. Set store to postgres, or to none"))
	}
	if s.RedisPasswordFile == "" {
		return faults
	}
	for _, text := range s.RedisURLs {
		if u, err := url.Parse(text); err == nil && u.User != nil {
			if _, set := u.User.Password(); set {
				faults = append(faults, errors.New("redis.url has a password, and redis.password_file is set: keep one"))
				break
			}
		}
	}
	if _, err := s.RedisPassword(); err != nil {
		faults = append(faults, err)
	}
	return faults
}

// RedisPassword reads the file of Redis' password.
func (s *Settings) RedisPassword() (string, error) {
	raw, err := ReadText(s.RedisPasswordFile)
	if err != nil {
		return "", fmt.Errorf("redis.password_file: %w", err)
	}
	password := strings.TrimSpace(string(raw))
	if password == "" {
		return "", fmt.Errorf("redis.password_file: %s is empty", s.RedisPasswordFile)
	}
	return password, nil
}

// maskedList returns URLs without their users and passwords.
func maskedList(urls []string) string {
	list := make([]string, len(urls))
	for i, text := range urls {
		list[i] = masked(text)
	}
	return "[" + strings.Join(list, ", ") + "]"
}
