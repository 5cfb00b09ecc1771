package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tidings/clientjs"
	"tidings/examples/projects"
)

// kinds are the projects that init writes, and how one goes on with each.
var kinds = map[string]string{
	"react":   "npm install && npm run dev",
	"next":    "npm install && npm run dev",
	"express": "npm install && npm start",
	"html":    "python3 -m http.server 3000",
}

// clientArchive is the client in a project, as its package.json names it.
const clientArchive = "tidings-client.tgz"

func initCommand() *cobra.Command {
	names := []string{"react", "next", "html", "express"}
	var url string
	cmd := &cobra.Command{
		Use:   "init KIND DIR",
		Short: "Write a small project that hears messages: react, next, html or express",
		Long: "Write a small project that listens and publishes, wired to a server, with a README of one screen:\n" +
			"  react    Vite and React, with the plugin that passes /bus on\n" +
			"  next     Next.js, App Router: rendered on the server, live in the browser\n" +
			"  html     a page without a build\n" +
			"  express  a backend that stores and then publishes, and its page\n" +
			"This program carries the client, so that it comes from no registry. A folder that has files is left as it is.",
		Example:   "  tidings init react my-app\n  tidings init html page --url http://127.0.0.1:8090",
		Args:      cobra.ExactArgs(2),
		ValidArgs: names,
		RunE: func(cmd *cobra.Command, args []string) error {
			kind, dir := args[0], args[1]
			next, ok := kinds[kind]
			if !ok {
				return fmt.Errorf("%q is no kind of project: write one of %s", kind, strings.Join(names, ", "))
			}
			if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
				return fmt.Errorf("%s has files already: name a new folder", dir)
			}
			written, err := writeProject(kind, dir, strings.TrimSuffix(url, "/"))
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Wrote %d files. Go on with\n\n  cd %s && %s\n", written, dir, next)
			if !answers(cmd.Context(), url) {
				fmt.Fprintf(cmd.OutOrStdout(), "\nNo server answers at %s yet. In another terminal:\n\n  tidings serve --dev\n", url)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&url, "url", environ("TIDINGS_URL", defaultURL), "where the server is that the project is wired to")
	return cmd
}

// writeProject writes a project that is wired to the server at url. It returns how many files that are, and writes over
// none.
func writeProject(kind, dir, url string) (written int, err error) {
	err = fs.WalkDir(projects.Files, kind, func(name string, d fs.DirEntry, err error) error {
		to := filepath.Join(dir, filepath.FromSlash(strings.TrimPrefix(name, kind)))
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(to, 0o755)
		}
		text, err := fs.ReadFile(projects.Files, name)
		if err != nil {
			return err
		}
		if path.Base(name) == "package.json" {
			if err := create(filepath.Join(dir, clientArchive), clientjs.Pack); err != nil {
				return err
			}
			written++
		}
		written++
		return create(to, func(w io.Writer) error {
			_, err := io.WriteString(w, strings.ReplaceAll(string(text), defaultURL, url))
			return err
		})
	})
	return written, err
}

// create makes a new file. It fails if there is one of that name.
func create(name string, write func(io.Writer) error) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// answers reports whether a server is at url.
func answers(ctx context.Context, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(url, "/")+"/healthz", nil)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}
