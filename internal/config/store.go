package config

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// postgresURL reads the file of the database's URL.
func (s *Settings) postgresURL() error {
	if s.PostgresURLFile == "" {
		return nil
	}
	if s.PostgresURL != "" {
		return errors.New("postgres.url and postgres.url_file exclude each other")
	}
	raw, err := ReadText(s.PostgresURLFile)
	if err != nil {
		return fmt.Errorf("postgres.url_file: %w", err)
	}
	if s.PostgresURL = strings.TrimSpace(string(raw)); s.PostgresURL == "" {
		return fmt.Errorf("postgres.url_file: %s is empty", s.PostgresURLFile)
	}
	return nil
}

// storeFaults returns what of the settings of documents contradicts store, which is set.
func (s *Settings) storeFaults() (faults []error) {
	if s.Store == StoreSQLite && s.SQLitePath == "" && !s.Dev {
		faults = append(faults, errors.New("sqlite.path is not set, and store is sqlite: name the file that keeps the documents, such as /var/lib/tidings/documents.db"))
	}
	if s.Store == StorePostgres && s.PostgresURL == "" {
		faults = append(faults, errors.New("postgres.url is not set, and store is postgres: set the environment variable TIDINGS_POSTGRES_URL, or postgres.url or postgres.url_file in tidings.yaml, to where the database is, such as postgres://tidings:PASSWORD@db.example.com/app"))
	}
	if s.Store != StoreSQLite && s.SQLitePath != "" {
		faults = append(faults, fmt.Errorf("sqlite.path is set, and store is %s: set store to sqlite, or remove it", s.Store))
	}
	if s.Store != StorePostgres && s.PostgresURL != "" {
		faults = append(faults, fmt.Errorf("postgres.url is set, and store is %s: set store to postgres, or remove it", s.Store))
	}
	return faults
}

// masked returns a URL without its user and password. Of what is no URL nothing is shown.
func masked(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" && u.Path == "" || u.Scheme == "" {
		return "(hidden)"
	}
	if u.User != nil {
		u.User = url.User("xxxxx")
	}
	if u.RawQuery != "" { // a password may stand there too
		u.RawQuery = "xxxxx"
	}
	return u.String()
}
