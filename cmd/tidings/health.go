package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tidings/internal/config"
)

// healthTimeout is how long the server may take to answer.
const healthTimeout = 3 * time.Second

func healthCommand() *cobra.Command {
	var file string
	var ready bool
	cmd := &cobra.Command{
		Use:   "health [url]",
		Short: "Ask the server on this machine whether it lives, for health checks of containers",
		Long: "Ask the server's /healthz, or with --ready its /readyz, and end with status 0 if it answers 200, else 1. The server is the one that the settings of\n" +
			"this machine describe (tidings.yaml, the environment), or that of the URL, or of TIDINGS_URL. The image of a container has no curl, and needs none.",
		Example: "  tidings health\n  tidings health --ready http://127.0.0.1:8080",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			own := ownURL(file)
			url := environ("TIDINGS_URL", own)
			if len(args) > 0 {
				url = args[0]
			}
			url = strings.TrimRight(withScheme(url), "/")
			path := "/healthz"
			if ready {
				path = "/readyz"
			}
			return askHealth(cmd.Context(), cmd.OutOrStdout(), url+path, url == own)
		},
	}
	configFlag(cmd, &file)
	cmd.Flags().BoolVar(&ready, "ready", false, "ask whether it takes clients, too: not while it starts or drains")
	return cmd
}

// ownURL returns where the server of this machine's settings listens, or the default address if they are not complete.
func ownURL(file string) string {
	s, err := config.Load(config.Sources{File: file, Environ: os.Environ()})
	if err != nil {
		return defaultURL
	}
	if len(s.ACMEHosts) > 0 { // its name may lead to another machine
		_, port, _ := net.SplitHostPort(s.Addr)
		return "https://" + net.JoinHostPort("127.0.0.1", port) + s.BasePath
	}
	return baseURL(s)
}

// askHealth asks for url and prints the answer. The certificate of our own machine names another host, so own does not
// check it.
func askHealth(ctx context.Context, out io.Writer, url string, own bool) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: own}}}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 4<<10))
	if response.StatusCode != http.StatusOK {
		return errors.Join(fmt.Errorf("%s answers %s: %s", url, response.Status, strings.TrimSpace(string(body))), err)
	}
	fmt.Fprintln(out, strings.TrimSpace(string(body)))
	return err
}
