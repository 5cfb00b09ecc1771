package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"tidings/hooks"
	"tidings/internal/config"
)

// newHooks makes what asks the application; nil if it is asked nothing.
func newHooks(s config.Settings, log *slog.Logger) (*hooks.Client, error) {
	if len(s.HooksAsk)+len(s.HooksRoutes) == 0 && s.HooksURL+s.HooksRoutesURL == "" {
		return nil, nil
	}
	c, err := hooks.New(hooks.Config{
		URL: s.HooksURL, Ask: s.HooksAsk, Secret: s.HooksSecret, Cookies: s.HooksCookies, Timeout: s.HooksTimeout,
		RoutesURL: s.HooksRoutesURL, Routes: s.HooksRoutes, Logger: log,
	})
	if err != nil {
		return nil, fmt.Errorf("hooks: %w", err)
	}
	return c, nil
}

// closeHooks sends the last events, for at most 5 s.
func closeHooks(c *hooks.Client) {
	if c == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	c.Close(ctx)
}
