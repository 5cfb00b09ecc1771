package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"tidings/clientjs"
	"tidings/docs"
	"tidings/docs/site"
	"tidings/httpapi"
	"tidings/protocol"
)

// documentation renders the pages that this binary carries.
func documentation() (fs.FS, error) {
	return site.Render(site.Sources{
		Docs: docs.Files, Spec: protocol.Spec, Client: clientjs.Readme, Description: httpapi.Description(), Version: version,
	})
}

func docsCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "docs --out DIR",
		Short: "Write the documentation as HTML pages into a folder",
		Long: "Write the documentation of this version as files: HTML pages that are read from the folder or put on any web server, the same pages as\n" +
			"Markdown, llms.txt, and a search that asks no server. A server that runs with --dev shows them at /docs/.",
		Example: "  tidings docs --out tidings-docs",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			pages, err := documentation()
			if err != nil {
				return err
			}
			if out == "" {
				return errors.New("--out is empty: name a folder")
			}
			if err := fitForDocs(out); err != nil {
				return err
			}
			if err := writeTree(out, pages); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "Open %s\n", filepath.Join(out, "index.html"))
			return err
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "folder to write into: a new one, an empty one, or one that has the documentation already")
	cmd.MarkFlagRequired("out")
	return cmd
}

// fitForDocs returns an error if a folder has files, and none of them is of the documentation.
func fitForDocs(dir string) error {
	entries, err := os.ReadDir(dir)
	if os.IsNotExist(err) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, "llms.txt")); err != nil {
		return fmt.Errorf("%s has files that are not the documentation: name a folder of its own", dir)
	}
	return nil
}

// writeTree writes a tree of files into a folder, over what has the same names.
func writeTree(dir string, tree fs.FS) error {
	return fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(dir, filepath.FromSlash(name))
		if d.IsDir() {
			return os.MkdirAll(to, 0o755)
		}
		data, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		return os.WriteFile(to, data, 0o644)
	})
}
